import type { PgBoss } from "pg-boss";
import { z } from "zod";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { SWEEP_QUEUE } from "./queue.ts";

/** Work that is made again and again, each time by one server of all, and never twice at once. */
export interface Sweep {
  name: string;
  everySeconds: number;
  /** Ends at its next step when the signal is aborted: the server stops, or the sweep took an hour. */
  run(signal: AbortSignal): Promise<unknown>;
}

const SweepJob = z.object({ sweep: z.string() });
const LIMIT_SECONDS = 3_600;
const POLL_SECONDS = 2;
const AT_ONCE = 2;

/**
 * Makes the sweeps from now on. Time is divided into slots of `everySeconds`; each server offers the queue a job for the
 * slot that has begun, and the queue takes one of them, and none while an earlier one waits or runs. Resolves to what
 * ends the offering; the queue itself ends what is running.
 */
export async function startSweeps(
  boss: PgBoss,
  sweeps: readonly Sweep[],
  { clock, log, stopping }: { clock: Clock; log: Logger; stopping: AbortSignal },
): Promise<void> {
  const byName = new Map(sweeps.map((sweep) => [sweep.name, sweep]));
  if (byName.size < sweeps.length) throw new Error("Two sweeps have the same name");
  const workId = await boss.work(
    SWEEP_QUEUE,
    { pollingIntervalSeconds: POLL_SECONDS, localConcurrency: AT_ONCE },
    async ([job]: { data: object; signal: AbortSignal }[]) => {
      const parsed = SweepJob.safeParse(job?.data);
      const sweep = parsed.success ? byName.get(parsed.data.sweep) : undefined;
      // One of a newer or older release: it is offered again in the next slot, to be taken by a server that knows it.
      if (!job || !sweep) return;
      await sweep.run(AbortSignal.any([job.signal, stopping]));
    },
  );
  for (const sweep of sweeps) offer(boss, sweep, { clock, log, stopping, wake: () => boss.notifyWorker(workId) });
}

interface OfferOptions {
  clock: Clock;
  log: Logger;
  stopping: AbortSignal;
  wake(): void;
}

function offer(boss: PgBoss, { name, everySeconds }: Sweep, { clock, log, stopping, wake }: OfferOptions): void {
  const everyMs = everySeconds * 1_000;
  let timer: NodeJS.Timeout | undefined;
  stopping.addEventListener("abort", () => clearTimeout(timer), { once: true });
  const tick = async () => {
    try {
      const id = await boss.send(
        SWEEP_QUEUE,
        { sweep: name },
        {
          singletonKey: name,
          singletonSeconds: everySeconds,
          expireInSeconds: LIMIT_SECONDS,
          deleteAfterSeconds: 2 * everySeconds + 60,
        },
      );
      if (id !== null) wake();
    } catch (error) {
      log.warn({ sweep: name, err: { message: messageOf(error) } }, "a sweep could not be scheduled; the next slot tries again");
    }
    if (stopping.aborted) return;
    const untilNextSlot = everyMs - (clock.now() % everyMs);
    timer = setTimeout(tick, untilNextSlot).unref();
  };
  void tick();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
