import { actingUserId, principalId } from "../auth/principal.ts";
import { isDatabaseUnavailable, isGuardRejection, isTransactionConflict, isWorkspaceGone } from "../db/errors.ts";
import type { AppendRecord } from "../db/event-statements.ts";
import { type PublishedEvent, publishEvent } from "../outbox/publish-event.ts";
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
 * Records a change in the transaction that makes it, and has the workspace's endpoints told of it: all of it is committed,
 * or nothing. What the record says of before and
 * after is redacted, and kept under the workspace's own key.
 *
 * @throws AppError SERVICE_UNAVAILABLE where the trail cannot be written: then nothing is changed
 */
export async function recordAudit(tx: TransactionContext, record: AuditRecord): Promise<void> {
  const id = newId(tx.clock.now());
  // The keys as they stand in this transaction: those in memory may be of a workspace that was deleted and came back.
  const keys = (await tx.renewKeys(tx.db)).audit;
  const contentOf = (field: "before" | "after") =>
    record[field] && encryptContent(keys, { workspaceId: tx.workspaceId, eventId: id, field }, redact(record[field]));
  const [before, after] = [contentOf("before"), contentOf("after")];
  const content = { ...(before && { before }), ...(after && { after }) };
  const event = await write(tx, id, { action: record.action, target: record.target, ...content });
  await publishEvent(tx.db, event);
}

/** What an event takes from a call, whatever it has been let into. */
type Recording = Pick<TransactionContext, "principal" | "clock" | "request" | "operation"> & {
  db: Pick<TransactionContext["db"], "auditEvent">;
};

interface Written extends Pick<AuditRecord, "action" | "target"> {
  before?: Uint8Array<ArrayBuffer>;
  after?: Uint8Array<ArrayBuffer>;
}

async function write(ctx: Recording, id: string, { action, target, before, after }: Written): Promise<PublishedEvent> {
  const event = {
    ...circumstances(ctx, id),
    action,
    targetKind: target.kind,
    targetId: target.id,
    ...(before && { before }),
    ...(after && { after }),
  };
  await ctx.db.auditEvent.createMany({ data: [event] }).catch((error: unknown) => {
    throw isOfTheCall(error) ? error : auditUnavailable(error);
  });
  return event;
}

/** Who did it, when, by which rule and how. */
function circumstances({ principal, request, operation, clock }: Omit<Recording, "db">, id: string) {
  return {
    id,
    occurredAt: new Date(clock.now()),
    outcome: "success" as const,
    rule: ruleOf(operation),
    actorKind: principal.kind,
    actorId: principalId(principal),
    // A key may be gone by the time that someone asks whose it was.
    onBehalfOf: principal.kind === "session" ? null : actingUserId(principal),
    method: request.method ?? null,
    ipAddress: request.ipAddress,
    requestId: request.requestId,
  };
}

/** What the statement that appends events records of it: who, and to which session; what was said stands in the events. */
export function appendRecord(ctx: Omit<Recording, "db">): AppendRecord {
  return { ...circumstances(ctx, newId(ctx.clock.now())), action: "event.append" };
}

/**
 * Records a sensitive read, before its answer leaves.
 *
 * @throws AppError as recordAudit does: what cannot be recorded is not read
 */
export async function recordRead(ctx: Recording & { workspaceId: string }, agentId: string | null): Promise<void> {
  const target = agentId === null ? { kind: "workspace", id: ctx.workspaceId } : { kind: "agent", id: agentId };
  await write(ctx, newId(ctx.clock.now()), { action: ctx.operation.replace(":", "."), target });
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
