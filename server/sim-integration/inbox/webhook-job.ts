import { z } from "zod";
import type { WorkspaceDb } from "../../db/workspace-db.ts";
import type { JobKind } from "../../jobs/job-kind.ts";
import { applyEvent } from "../lifecycle/apply-event.ts";
import type { LifecycleContext } from "../lifecycle/lifecycle-context.ts";
import type { SimEvent } from "../sim-event.ts";
import { mergeEvents } from "./merge-events.ts";
import { readEvent } from "./read-event.ts";
import { WEBHOOK_JOB, type WebhookJobData } from "./webhook-job-name.ts";

const WebhookJob = z.object({ workspaceId: z.string(), deliveryId: z.string() });
const BATCH = 2_000;
/** Bodies that are in memory at once; one may have 256 KiB. */
const READ_AT_A_TIME = 100;

export interface WebhookJobOptions {
  timeoutMs: number;
  retries: number;
  lifecycle(): LifecycleContext;
}

/** Carries deliveries out, and keeps of each how it went. */
export function webhookJob({ timeoutMs, retries, lifecycle }: WebhookJobOptions): JobKind<WebhookJobData> {
  return {
    ...{ name: WEBHOOK_JOB.name, data: WebhookJob, timeoutMs, retries, batchSize: BATCH },
    async handle({ db, signal }, jobs) {
      const ctx = lifecycle();
      const { events, ids } = await readOpen(db, jobs);
      if (ids.length === 0) return;
      try {
        for (const event of events) {
          signal.throwIfAborted();
          await applyEvent(ctx, event);
        }
      } catch (error) {
        // Of several the one that failed is found out by doing each alone.
        if (jobs.length === 1) {
          const data = { status: "failed", attempts: { increment: 1 }, lastError: reasonOf(error) } as const;
          await db.webhookDelivery.updateMany({ where: { id: { in: ids }, status: { in: ["pending", "failed"] } }, data });
        }
        throw error;
      }
      await db.webhookDelivery.updateMany({
        where: { id: { in: ids }, status: { not: "done" } },
        data: { status: "done", attempts: { increment: 1 }, lastError: null, processedAt: new Date(ctx.clock.now()) },
      });
    },
    async onDead({ db }, { deliveryId }, reason) {
      await db.webhookDelivery.updateMany({
        where: { id: deliveryId, status: { in: ["pending", "failed"] } },
        data: { status: "dead", lastError: reason },
      });
    },
  };
}

/** What the deliveries tell that are not done yet, as the fewest events. */
async function readOpen(db: WorkspaceDb, jobs: readonly WebhookJobData[]): Promise<{ events: SimEvent[]; ids: string[] }> {
  let events: SimEvent[] = [];
  const ids: string[] = [];
  for (let from = 0; from < jobs.length; from += READ_AT_A_TIME) {
    const deliveries = await db.webhookDelivery.findMany({
      where: { id: { in: jobs.slice(from, from + READ_AT_A_TIME).map(({ deliveryId }) => deliveryId) }, status: { not: "done" } },
      orderBy: { receivedAt: "asc" },
      select: { id: true, kind: true, body: true },
    });
    ids.push(...deliveries.map(({ id }) => id));
    events = mergeEvents([...events, ...deliveries.map(({ kind, body }) => readEvent(kind, body))]);
  }
  return { events, ids };
}

/** The first line alone, and not much of it: what a library says further down may quote what it was given. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message.trim() : String(error);
  return (message.split("\n").at(-1) ?? message).slice(0, 500);
}
