import { Gauge, type Registry } from "prom-client";
import { type QueueState, readQueues } from "./db/queue-state.ts";
import type { SimReader } from "./db/sim-reader.ts";
import type { Clock } from "./shared/clock.ts";

/** The queue of the webhooks that Sim sent. */
const WEBHOOKS = "webhook";
const DEAD = /\.dead$/;
const KEPT_MS = 2_000;
/** Whoever asks for metrics must not wait with those who wait for a connection: just then they are needed. */
const WAIT_MS = 1_000;

/**
 * Adds how it stands with jobs, read at most once in two seconds; while the database is away, or has no connection to
 * lend for a second, there is nothing of it, and all else is told.
 */
export function addQueueMetrics(
  registry: Registry,
  { sim, clock, waitMs = WAIT_MS }: { sim: SimReader; clock: Clock; waitMs?: number },
): void {
  let last: { endsAtMs: number; states: Promise<QueueState[] | null> } | undefined;
  const read = (): Promise<QueueState[] | null> => {
    if (last && last.endsAtMs > clock.now()) return last.states;
    const asked = readQueues(sim).catch(() => null); // the pool logs why
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), waitMs);
    });
    last = { endsAtMs: clock.now() + KEPT_MS, states: Promise.race([asked, overdue]).finally(() => clearTimeout(timer)) };
    return last.states;
  };
  const gauge = (name: string, help: string, labelNames: string[], set: (gauge: Gauge, states: QueueState[]) => void) =>
    new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      async collect() {
        const states = await read();
        if (labelNames.length > 0) this.reset();
        else this.remove();
        if (states) set(this, states);
      },
    });
  gauge(
    "parlant_jobs",
    "Jobs that wait, that run, and that failed for good within the last hour",
    ["queue", "state"],
    (jobs, states) => {
      for (const { queue, waiting, active, failed } of states) {
        for (const [state, count] of Object.entries({ waiting, active, failed })) jobs.set({ queue, state }, count);
      }
    },
  );
  gauge("parlant_job_overdue_seconds", "How long a job has been waiting past its time", ["queue"], (overdue, states) => {
    for (const { queue, overdueSeconds } of states) overdue.set({ queue }, overdueSeconds);
  });
  gauge(
    "parlant_webhook_inbox_age_seconds",
    "Age of the oldest webhook that is accepted and not carried out",
    [],
    (age, states) => age.set(states.find(({ queue }) => queue === WEBHOOKS)?.oldestSeconds ?? 0),
  );
  gauge("parlant_dead_letters", "Jobs that failed for good, within the last hour or not yet taken note of", [], (dead, states) =>
    dead.set(states.reduce((sum, { queue, waiting, active, failed }) => sum + (DEAD.test(queue) ? waiting + active : failed), 0)),
  );
}
