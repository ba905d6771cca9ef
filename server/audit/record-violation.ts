import { actingUserId, principalId } from "../auth/principal.ts";
import type { Binding } from "../db/binding.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import { REPORTED_AGAIN_MS, VIOLATION_ACTION, type Violation } from "../isolation/violations.ts";
import { publishEvent } from "../outbox/publish-event.ts";
import type { Clock } from "../shared/clock.ts";
import { lowestIdAt, newId } from "../shared/ids.ts";

/**
 * Records a violation in the log of the workspace where the row now lies, in a transaction of its own. Whichever server
 * comes first records it; the others find its record, or its lock while it is being written.
 */
export async function recordViolation(
  { openWorkspace, clock }: { openWorkspace(binding: Binding): WorkspaceDb; clock: Clock },
  { workspaceId, target, reasonCode, reader }: Violation,
): Promise<void> {
  const db = openWorkspace(systemBinding(workspaceId, VIOLATION_ACTION));
  await db.transaction(async (tx) => {
    if (!(await tx.tryLock([VIOLATION_ACTION, target.kind, target.id]))) return;
    const nowMs = clock.now();
    const since = lowestIdAt(nowMs - REPORTED_AGAIN_MS + 1);
    const earlier = await tx.auditEvent.findFirst({
      where: { action: VIOLATION_ACTION, targetId: target.id, id: { gte: since } },
      select: { id: true },
    });
    if (earlier) return;
    const event = {
      id: newId(nowMs),
      occurredAt: new Date(nowMs),
      action: VIOLATION_ACTION,
      outcome: "failure" as const,
      reasonCode,
      ...actorOf(reader),
      targetKind: target.kind,
      targetId: target.id,
      ipAddress: reader?.request.ipAddress ?? null,
      requestId: reader?.request.requestId ?? null,
    };
    await tx.auditEvent.createMany({ data: [event] });
    await publishEvent(tx, event);
  });
}

function actorOf(reader: Violation["reader"]) {
  if (!reader) return { actorKind: "system", actorId: "isolation", onBehalfOf: null };
  const { principal } = reader;
  return {
    actorKind: principal.kind,
    actorId: principalId(principal),
    onBehalfOf: principal.kind === "session" ? null : actingUserId(principal),
  };
}
