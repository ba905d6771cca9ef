import { Gauge, type Registry } from "prom-client";
import { type InboxTotals, type QueueState, readInboxTotals, readQueues } from "./db/queue-state.ts";
import type { SimReader } from "./db/sim-reader.ts";
import type { Clock } from "./shared/clock.ts";

/** The queue of the webhooks that Sim sent. */
const WEBHOOKS = "webhook";
const DEAD = /\.dead$/;
const KEPT_MS = 2_000;
/** It is a look-up in each workspace. */
const INBOX_KEPT_MS = 15_000;
/** Whoever asks for metrics must not wait with those who wait for a connection: just then they are needed. */
const WAIT_MS = 1_000;

interface Seen {
  queues: QueueState[];
  inbox: InboxTotals;
}

interface KeptOptions {
  clock: Clock;
  /** How long what was read stands. */
  keptMs: number;
  waitMs: number;
}

/**
 * Adds how it stands with jobs, read at most once in two seconds, and with what Sim told in all workspaces, at most once in
 * fifteen; while the database is away, or has no connection to lend for a second, there is nothing of it, and all else is
 * told. What takes longer to count is told as it was counted last.
 */
export function addQueueMetrics(
  registry: Registry,
  { sim, clock, waitMs = WAIT_MS }: { sim: SimReader; clock: Clock; waitMs?: number },
): void {
  const queuesNow = kept(() => readQueues(sim), { clock, keptMs: KEPT_MS, waitMs });
  const inboxNow = kept(() => readInboxTotals(sim), { clock, keptMs: INBOX_KEPT_MS, waitMs });
  const read = async (): Promise<Seen | null> => {
    const [queues, inbox] = await Promise.all([queuesNow(), inboxNow()]);
    return queues.isFresh && queues.value && inbox.value ? { queues: queues.value, inbox: inbox.value } : null;
  };
  const gauge = (name: string, help: string, labelNames: string[], set: (gauge: Gauge, seen: Seen) => void) =>
    new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      async collect() {
        const seen = await read();
        if (labelNames.length > 0) this.reset();
        else this.remove();
        if (seen) set(this, seen);
      },
    });
  gauge(
    "parlant_jobs",
    "Jobs that wait, that run, and that failed for good within the last hour",
    ["queue", "state"],
    (jobs, { queues }) => {
      for (const { queue, waiting, active, failed } of queues) {
        for (const [state, count] of Object.entries({ waiting, active, failed })) jobs.set({ queue, state }, count);
      }
    },
  );
  gauge("parlant_job_overdue_seconds", "How long a job has been waiting past its time", ["queue"], (overdue, { queues }) => {
    for (const { queue, overdueSeconds } of queues) overdue.set({ queue }, overdueSeconds);
  });
  gauge(
    "parlant_webhook_inbox_age_seconds",
    "Age of the oldest webhook that is accepted and not carried out",
    [],
    (age, { queues, inbox }) =>
      age.set(Math.max(inbox.oldestSeconds, queues.find(({ queue }) => queue === WEBHOOKS)?.oldestSeconds ?? 0)),
  );
  gauge(
    "parlant_dead_letters",
    "Webhooks that failed for good, until they are carried out after all, and other jobs that did within the last hour",
    [],
    (dead, { queues, inbox }) => dead.set(inbox.dead + queues.reduce((sum, state) => sum + deadIn(state), 0)),
  );
}

/** A webhook's failed job says nothing by itself: its delivery is dead or was carried out since. */
function deadIn({ queue, waiting, active, failed }: QueueState): number {
  if (DEAD.test(queue)) return waiting + active;
  return queue === WEBHOOKS ? 0 : failed;
}

interface Kept<Value> {
  /** What was read last; null where that failed, or there is nothing yet. */
  value: Value | null;
  /** Whether that is not older than it may be. */
  isFresh: boolean;
}

/** Reads when somebody asks and what was read last is too old, never twice at once. */
function kept<Value>(read: () => Promise<Value>, { clock, keptMs, waitMs }: KeptOptions): () => Promise<Kept<Value>> {
  let value: Value | null = null;
  let freshUntilMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const readAnew = async (): Promise<void> => {
    value = await read().catch(() => null); // the pool logs why
    freshUntilMs = clock.now() + keptMs;
    reading = undefined;
  };
  return async () => {
    if (clock.now() >= freshUntilMs) {
      reading ??= readAnew();
      let timer: NodeJS.Timeout | undefined;
      const overdue = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, waitMs);
      });
      await Promise.race([reading, overdue]).finally(() => clearTimeout(timer));
    }
    return { value, isFresh: clock.now() < freshUntilMs };
  };
}
