import { sign } from "../../client-sdk/src/webhooks/index.ts";
import type { EndpointDelivery, WebhookEndpoint } from "../db/generated/client.ts";
import { readBoundaryKeys } from "../isolation/workspace-keys.ts";
import type { JobContext, JobKind } from "../jobs/job-kind.ts";
import type { Clock } from "../shared/clock.ts";
import { DELIVER_EVENT, type DeliverEventJob } from "./delivery-job.ts";
import { openSecret } from "./endpoint-secret.ts";
import { TEST_EVENT } from "./event-types.ts";
import type { PostOutcome, PostToEndpoint } from "./post-to-endpoint.ts";
import { recordTry } from "./record-try.ts";
import { reschedule } from "./reschedule.ts";

export interface DeliverEventOptions {
  post: PostToEndpoint;
  /** ISOLATION_SECRET, newest first: what the endpoints' secrets are kept under derives from it. */
  rootSecrets: readonly string[];
  clock: Clock;
  random?: () => number;
}

const TRY_TIMEOUT_MS = 15_000;
const JOB_TIMEOUT_MS = 40_000;
const AT_ONCE = 20;
/** What is made again by the queue: work that failed for reasons of ours, such as a database that is away. */
const QUEUE_RETRIES = 20;

type Pending = EndpointDelivery & { endpoint: WebhookEndpoint };

/** The job that sends events to endpoints: each delivery at least once, under one webhook-id, until it is taken or given up. */
export function createDeliverEvent(options: DeliverEventOptions): JobKind<DeliverEventJob> {
  return {
    ...DELIVER_EVENT,
    timeoutMs: JOB_TIMEOUT_MS,
    retries: QUEUE_RETRIES,
    batchSize: AT_ONCE,
    async handle(ctx, jobs) {
      const results = await Promise.allSettled(jobs.map((job) => deliver(ctx, job, options)));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
    onDead: ({ db }, { deliveryId }) => giveUp(db, deliveryId, options.clock),
  };
}

async function deliver(ctx: JobContext, { deliveryId, attempts }: DeliverEventJob, options: DeliverEventOptions): Promise<void> {
  const { clock, random = Math.random } = options;
  const delivery = await ctx.db.endpointDelivery.findFirst({
    where: { id: deliveryId, status: "pending" },
    include: { endpoint: { include: { state: { select: { archivedAt: true } } } } },
  });
  // Sent already by a try whose job was made again, or gone with its endpoint.
  if (!delivery) return;
  // The next try has a job of its own, with its time.
  if (attempts !== undefined && attempts !== delivery.attempts) return;
  const { endpoint } = delivery;
  // Nothing leaves an archived workspace; it can be delivered again once it is restored.
  if (endpoint.state.archivedAt !== null) return giveUp(ctx.db, deliveryId, clock);
  const waitMs = (endpoint.pausedUntil?.getTime() ?? 0) - clock.now();
  if (endpoint.isEnabled && waitMs > 0 && delivery.eventType !== TEST_EVENT) {
    return reschedule(ctx.db, delivery, Math.ceil(waitMs / 1_000), clock);
  }
  const attemptedAtMs = clock.now();
  const outcome = await send(ctx, delivery, options);
  await recordTry(ctx, delivery, { outcome, attemptedAtMs }, { clock, random });
}

/** The delivery is sent no more, unless somebody has it delivered again. */
async function giveUp(db: JobContext["db"], id: string, clock: Clock): Promise<void> {
  const data = { status: "failed", nextAttemptAt: null, completedAt: new Date(clock.now()) } as const;
  await db.endpointDelivery.updateMany({ where: { id, status: "pending" }, data });
}

async function send(ctx: JobContext, delivery: Pending, { post, rootSecrets, clock }: DeliverEventOptions): Promise<PostOutcome> {
  const { endpoint } = delivery;
  if (!endpoint.isEnabled) return { error: "The endpoint is disabled" };
  const secrets = await readSecrets(ctx, endpoint, rootSecrets, clock.now());
  if (secrets === null) return { error: "The endpoint's secret can no longer be read; rotate it" };
  const body = JSON.stringify(payloadOf(delivery));
  // Signed at the time of each try, under the id that all of them share.
  const signature = await sign(body, { secrets, id: delivery.eventId, now: clock.now() });
  const headers = { "content-type": "application/json", "user-agent": "sim-parlant-webhooks/1", ...signature };
  return post({ url: endpoint.url, headers, body, timeoutMs: TRY_TIMEOUT_MS, signal: ctx.signal });
}

/** What is sent: ids, the type and times, and nothing that anybody wrote. */
export function payloadOf(delivery: Omit<EndpointDelivery, "status" | "attempts">): object {
  const { workspaceId, eventId, eventType, targetKind, targetId, actorKind, actorId, occurredAt } = delivery;
  return {
    type: eventType,
    timestamp: occurredAt.toISOString(),
    data: { id: eventId, workspaceId, target: { kind: targetKind, id: targetId }, actor: { kind: actorKind, id: actorId } },
  };
}

/** The endpoint's secret, and the one before it while that still signs; null where the present one cannot be read. */
async function readSecrets(
  { workspaceId, db }: JobContext,
  { id, secret, previousSecret, previousSecretUntil }: WebhookEndpoint,
  rootSecrets: readonly string[],
  nowMs: number,
): Promise<string[] | null> {
  const keys = await readBoundaryKeys(rootSecrets, db);
  const open = (sealed: Uint8Array) => keys && openSecret(keys.audit, workspaceId, id, sealed);
  const current = open(secret);
  if (current === null) return null;
  const isPreviousInForce = previousSecretUntil !== null && previousSecretUntil.getTime() > nowMs;
  const previous = previousSecret && isPreviousInForce ? open(previousSecret) : null;
  return previous === null ? [current] : [current, previous];
}
