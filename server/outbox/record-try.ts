import type { EndpointDelivery, WebhookEndpoint } from "../db/generated/client.ts";
import type { WorkspaceTransaction } from "../db/workspace-db.ts";
import { enqueue, type JobContext } from "../jobs/job-kind.ts";
import type { Clock } from "../shared/clock.ts";
import { lowestIdAt, newId } from "../shared/ids.ts";
import { DELIVER_EVENT } from "./delivery-job.ts";
import type { PostOutcome } from "./post-to-endpoint.ts";
import { pauseSeconds, retryDelaySeconds } from "./retry-schedule.ts";

interface Try {
  outcome: PostOutcome;
  attemptedAtMs: number;
}

const GONE = 410;
/** An endpoint that has taken nothing for so long is sent nothing more. */
const FAILING_MS = 5 * 86_400_000;
/** How long finished deliveries can be looked at. */
const KEPT_MS = 30 * 86_400_000;
const REMOVED_AT_ONCE = 100;

/**
 * The try is in the log, and what follows from it is in force: the delivery is done, or has its next try in the queue,
 * or is given up; the endpoint is paused or disabled. One transaction, so that nothing follows from it twice.
 */
export async function recordTry(
  ctx: JobContext,
  delivery: EndpointDelivery & { endpoint: WebhookEndpoint },
  { outcome, attemptedAtMs }: Try,
  { clock, random }: { clock: Clock; random: () => number },
): Promise<void> {
  const nowMs = clock.now();
  const { id, endpointId } = delivery;
  const attempts = delivery.attempts + 1;
  const status = "status" in outcome ? outcome.status : null;
  const retryAfterSeconds = "status" in outcome ? outcome.retryAfterSeconds : null;
  const isTaken = status !== null && status >= 200 && status < 300;
  const isFinal = isTaken || status === GONE || !delivery.endpoint.isEnabled;
  const delaySeconds = isFinal ? null : retryDelaySeconds(attempts, retryAfterSeconds, random);
  await ctx.db.transaction(async (tx) => {
    // First, in the order in which a deletion takes its locks.
    if (!(await tx.holdEndpoint(endpointId))) return;
    const { count } = await tx.endpointDelivery.updateMany({
      where: { id, status: "pending", attempts: delivery.attempts },
      data: {
        attempts,
        status: isTaken ? "delivered" : delaySeconds === null ? "failed" : "pending",
        nextAttemptAt: delaySeconds === null ? null : new Date(nowMs + delaySeconds * 1_000),
        completedAt: delaySeconds === null ? new Date(nowMs) : null,
      },
    });
    if (count === 0) return;
    await tx.endpointAttempt.createMany({
      data: [
        {
          deliveryId: id,
          number: attempts,
          attemptedAt: new Date(attemptedAtMs),
          durationMs: Math.max(0, Math.round(nowMs - attemptedAtMs)),
          statusCode: status,
          error: "error" in outcome ? outcome.error : errorOf(status),
        },
      ],
    });
    if (delaySeconds !== null)
      await enqueue(tx, DELIVER_EVENT, { deliveryId: id, attempts }, { startAfterSeconds: delaySeconds });
    if (isTaken) await noteSuccess(tx, endpointId);
    else if (delivery.endpoint.isEnabled) await noteFailure(tx, endpointId, { status, retryAfterSeconds, nowMs });
    await tx.endpointDelivery.deleteMany({
      where: { endpointId, status: { not: "pending" }, id: { lt: lowestIdAt(nowMs - KEPT_MS) } },
      limit: REMOVED_AT_ONCE,
    });
  });
}

function errorOf(status: number | null): string | null {
  return status !== null && status >= 300 && status < 400 ? "A redirect is not followed" : null;
}

async function noteSuccess(tx: WorkspaceTransaction, id: string): Promise<void> {
  // Where nothing has failed there is nothing to write, so that deliveries do not wait for each other.
  await tx.webhookEndpoint.updateMany({
    where: { id, failures: { gt: 0 } },
    data: { failures: 0, failingSince: null, pausedUntil: null },
  });
}

async function noteFailure(
  tx: WorkspaceTransaction,
  id: string,
  { status, retryAfterSeconds, nowMs }: { status: number | null; retryAfterSeconds: number | null; nowMs: number },
): Promise<void> {
  await tx.webhookEndpoint.updateMany({ where: { id, failingSince: null }, data: { failingSince: new Date(nowMs) } });
  const [endpoint] = await tx.webhookEndpoint.updateManyAndReturn({ where: { id }, data: { failures: { increment: 1 } } });
  if (!endpoint) return;
  const failingMs = nowMs - (endpoint.failingSince?.getTime() ?? nowMs);
  const reason = status === GONE ? "gone" : failingMs >= FAILING_MS ? "failing" : null;
  if (reason !== null) return disable(tx, id, reason, nowMs);
  const seconds = pauseSeconds(endpoint.failures, retryAfterSeconds);
  if (seconds === 0) return;
  await tx.webhookEndpoint.updateMany({ where: { id }, data: { pausedUntil: new Date(nowMs + seconds * 1_000) } });
}

/** Disables the endpoint, which the audit trail tells its admins. */
async function disable(tx: WorkspaceTransaction, id: string, reason: "gone" | "failing", nowMs: number): Promise<void> {
  const { count } = await tx.webhookEndpoint.updateMany({
    where: { id, isEnabled: true },
    data: { isEnabled: false, disabledReason: reason, pausedUntil: null, updatedAt: new Date(nowMs) },
  });
  if (count === 0) return;
  await tx.auditEvent.createMany({
    data: [
      {
        id: newId(nowMs),
        occurredAt: new Date(nowMs),
        action: "endpoint.disable",
        outcome: "success",
        reasonCode: reason === "gone" ? "ENDPOINT_GONE" : "ENDPOINT_FAILING",
        actorKind: "system",
        actorId: "webhooks",
        targetKind: "endpoint",
        targetId: id,
      },
    ],
  });
}
