import type { WorkspaceTransaction } from "../db/workspace-db.ts";
import type { KeyRing } from "../isolation/key-ring.ts";
import { type OutboxTransaction, publishEvent } from "../outbox/publish-event.ts";
import type { Clock } from "../shared/clock.ts";
import { newId } from "../shared/ids.ts";
import { encryptContent } from "./content-cipher.ts";
import type { AuditRecord } from "./record.ts";
import { redact } from "./redact.ts";

/** A transaction in which something of Sim's is carried out here. */
export interface SimChangeContext {
  workspaceId: string;
  db: Pick<WorkspaceTransaction, "auditEvent"> & OutboxTransaction;
  /** The workspace's own, as its state has them in this transaction. */
  auditKeys: KeyRing;
  /** Who did it in Sim, as Sim told. */
  triggeredBy: string | null;
  clock: Clock;
}

/** Records, in the transaction that makes it, a change that follows one of Sim's: Sim's backend is its actor. */
export async function recordSimChange(ctx: SimChangeContext, record: AuditRecord): Promise<void> {
  const { workspaceId, db, auditKeys, triggeredBy, clock } = ctx;
  const id = newId(clock.now());
  const contentOf = (field: "before" | "after") =>
    record[field] && { [field]: encryptContent(auditKeys, { workspaceId, eventId: id, field }, redact(record[field])) };
  const event = {
    id,
    occurredAt: new Date(clock.now()),
    action: record.action,
    outcome: "success" as const,
    actorKind: "internal",
    actorId: "sim",
    onBehalfOf: triggeredBy,
    targetKind: record.target.kind,
    targetId: record.target.id,
    ...contentOf("before"),
    ...contentOf("after"),
  };
  await db.auditEvent.createMany({ data: [event] });
  await publishEvent(db, event);
}
