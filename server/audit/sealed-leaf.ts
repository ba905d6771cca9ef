import type { AuditLeaf } from "../../client-sdk/src/audit/index.ts";
import type { AuditEventRow } from "../db/audit-log.ts";

/** An event as the log seals it and an export has it; its content is the ciphertext as it is stored. */
export function toAuditLeaf(event: AuditEventRow): AuditLeaf {
  return {
    v: 1,
    workspaceId: event.workspaceId,
    id: event.id,
    occurredAt: toTime(event.occurredAt),
    action: event.action,
    outcome: event.outcome,
    reasonCode: event.reasonCode,
    rule: event.rule,
    actorKind: event.actorKind,
    actorId: event.actorId,
    onBehalfOf: event.onBehalfOf,
    method: event.method,
    targetKind: event.targetKind,
    targetId: event.targetId,
    ipAddress: event.ipAddress,
    requestId: event.requestId,
    before: toBase64(event.before),
    after: toBase64(event.after),
  };
}

/**
 * PostgreSQL has times that JavaScript has not, such as infinity, and drivers differ in what they make of them. None of
 * them was ever written by the server, so no sealed event is the same as one that has such a time.
 */
function toTime(time: Date): string {
  const ms = Number(time);
  return Number.isFinite(ms) ? new Date(ms).toISOString() : "invalid";
}

function toBase64(bytes: Uint8Array | null): string | null {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
