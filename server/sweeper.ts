import type { Logger } from "./shared/logger.ts";

/** Background work that is made again and again until it is stopped. */
export interface Sweeper {
  /** Ends the run under way at its next step, and resolves once it has ended; nothing runs from then on. */
  stop(): Promise<void>;
}

/** Runs `work` now and then `intervalMs` after each end of it, one run at a time. A run that fails is logged. */
export function startSweeper(
  name: string,
  work: (signal: AbortSignal) => Promise<unknown>,
  { intervalMs, log }: { intervalMs: number; log: Logger },
): Sweeper {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const run = () => {
    running = work(controller.signal).then(
      () => {},
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        log.warn({ sweeper: name, err: { message } }, "a sweep failed; the next one tries again");
      },
    );
    running.then(() => {
      if (!controller.signal.aborted) timer = setTimeout(run, intervalMs);
    });
  };
  run();
  return {
    async stop() {
      controller.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
