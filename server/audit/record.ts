import { actingUserId, principalId } from "../auth/principal.ts";
import type { TransactionContext } from "../permissions/workspace-context.ts";
import { newId } from "../shared/ids.ts";

export interface AuditRecord {
  /** The verb in the past tense's stead, as resource.verb: "agent.create". */
  action: string;
  target: { kind: string; id: string };
  before?: object;
  after?: object;
}

/** Texts of users' own making, of which the trail keeps that they changed and not what they say. */
const REDACTED_FIELDS = new Set(["systemPrompt", "metadata"]);
const REDACTED = "[redacted]";

/** Records a change in the transaction that makes it: both are committed, or neither. */
export async function recordAudit(tx: TransactionContext, record: AuditRecord): Promise<void> {
  const { principal, clock, request } = tx;
  const nowMs = clock.now();
  await tx.db.auditEvent.createMany({
    data: [
      {
        id: newId(nowMs),
        occurredAt: new Date(nowMs),
        action: record.action,
        outcome: "success",
        actorKind: principal.kind,
        actorId: principalId(principal),
        // A key may be gone by the time that someone asks whose it was.
        onBehalfOf: principal.kind === "session" ? null : actingUserId(principal),
        targetKind: record.target.kind,
        targetId: record.target.id,
        ipAddress: request.ipAddress,
        requestId: request.requestId,
        ...(record.before && { before: redact(record.before) }),
        ...(record.after && { after: redact(record.after) }),
      },
    ],
  });
}

function redact(row: object): Record<string, string | number | boolean | string[] | null> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (REDACTED_FIELDS.has(name)) return [name, value === null ? null : REDACTED];
      return [name, value instanceof Date ? value.toISOString() : value];
    }),
  );
}
