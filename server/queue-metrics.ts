import { Gauge, type Registry } from "prom-client";
import { type InboxTotals, type QueueState, readInboxTotals, readQueues } from "./db/queue-state.ts";
import type { SimReader } from "./db/sim-reader.ts";
import type { Clock } from "./shared/clock.ts";

/** The queue of the webhooks that Sim sent. */
const WEBHOOKS = "webhook";
const DEAD = /\.dead$/;
const KEPT_MS = 2_000;
/** Whoever asks for metrics must not wait with those who wait for a connection: just then they are needed. */
const WAIT_MS = 1_000;

interface Seen {
  queues: QueueState[];
  inbox: InboxTotals;
}

/**
 * Adds how it stands with jobs and with what Sim told, read at most once in two seconds; while the database is away, or has no connection to
 * lend for a second, there is nothing of it, and all else is told.
 */
export function addQueueMetrics(
  registry: Registry,
  { sim, clock, waitMs = WAIT_MS }: { sim: SimReader; clock: Clock; waitMs?: number },
): void {
  let last: { endsAtMs: number; seen: Promise<Seen | null> } | undefined;
  const read = (): Promise<Seen | null> => {
    if (last && last.endsAtMs > clock.now()) return last.seen;
    const asked = Promise.all([readQueues(sim), readInboxTotals(sim)]).then(
      ([queues, inbox]) => ({ queues, inbox }),
      () => null, // the pool logs why
    );
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), waitMs);
    });
    last = { endsAtMs: clock.now() + KEPT_MS, seen: Promise.race([asked, overdue]).finally(() => clearTimeout(timer)) };
    return last.seen;
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
