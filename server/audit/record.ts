import { actingUserId, principalId } from "../auth/principal.ts";
import { isDatabaseUnavailable, isGuardRejection, isTransactionConflict, isWorkspaceGone } from "../db/errors.ts";
import { ruleOf } from "../permissions/levels.ts";
import type { TransactionContext } from "../permissions/workspace-context.ts";
import { AppError } from "../shared/errors.ts";
import { newId } from "../shared/ids.ts";
import { encryptContent } from "./content-cipher.ts";
import { redact } from "./redact.ts";

export interface AuditRecord {
  /** The verb in the past tense's stead, as resource.verb: "agent.create". */
  action: string;
  target: { kind: string; id: string };
  before?: object;
  after?: object;
}

/**
 * Records a change in the transaction that makes it: both are committed, or neither. What the record says of before and
 * after is redacted, and kept under the workspace's own key.
 *
 * @throws AppError SERVICE_UNAVAILABLE where the trail cannot be written: then nothing is changed
 */
export async function recordAudit(tx: TransactionContext, record: AuditRecord): Promise<void> {
  const { principal, clock, request, workspaceId } = tx;
  const nowMs = clock.now();
  const id = newId(nowMs);
  // The keys as they stand in this transaction: those in memory may be of a workspace that was deleted and came back.
  const keys = (await tx.renewKeys(tx.db)).audit;
  const contentOf = (field: "before" | "after") =>
    record[field] && encryptContent(keys, { workspaceId, eventId: id, field }, redact(record[field]));
  const [before, after] = [contentOf("before"), contentOf("after")];
  const event = {
    id,
    occurredAt: new Date(nowMs),
    action: record.action,
    outcome: "success" as const,
    rule: ruleOf(tx.operation),
    actorKind: principal.kind,
    actorId: principalId(principal),
    // A key may be gone by the time that someone asks whose it was.
    onBehalfOf: principal.kind === "session" ? null : actingUserId(principal),
    method: request.method ?? null,
    targetKind: record.target.kind,
    targetId: record.target.id,
    ipAddress: request.ipAddress,
    requestId: request.requestId,
    ...(before && { before }),
    ...(after && { after }),
  };
  await tx.db.auditEvent.createMany({ data: [event] }).catch((error: unknown) => {
    throw isOfTheCall(error) ? error : auditUnavailable(error);
  });
}

/** Whether a failure says nothing of the trail: the call is decided upon or made again, or the whole database is away. */
function isOfTheCall(error: unknown): boolean {
  return isGuardRejection(error) || isWorkspaceGone(error) || isTransactionConflict(error) || isDatabaseUnavailable(error);
}

/** The one refusal of a call that could not be recorded. */
export function auditUnavailable(cause: unknown): AppError {
  return new AppError("SERVICE_UNAVAILABLE", "The audit trail cannot be written at the moment, so nothing was done", {
    details: { code: "AUDIT_UNAVAILABLE" },
    retryAfterSeconds: 5,
    cause,
  });
}
