import type { AuditLeaf } from "../../client-sdk/src/audit/index.ts";
import type { AuditEventRow } from "../db/audit-log.ts";

/** An event as the log seals it and an export has it; its content is the ciphertext as it is stored. */
export function toAuditLeaf(event: AuditEventRow): AuditLeaf {
  return {
    v: 1,
    workspaceId: event.workspaceId,
    id: event.id,
    occurredAt: event.occurredAt.toISOString(),
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

function toBase64(bytes: Uint8Array | null): string | null {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
