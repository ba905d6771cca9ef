/** An attempt that lasted longer than it may. */
export class AttemptTimeoutError extends Error {
  override name = "AttemptTimeoutError";
}

/**
 * Runs the work with a signal that is aborted when its time is over or `stopping` is. What then still runs is no longer
 * waited for; its transactions end by their own limit.
 *
 * @throws AttemptTimeoutError when its time is over
 */
export async function runAttempt(
  work: (signal: AbortSignal) => Promise<void>,
  { timeoutMs, stopping }: { timeoutMs: number; stopping: AbortSignal },
): Promise<void> {
  const controller = new AbortController();
  const over = Promise.withResolvers<never>();
  const end = (reason: Error) => {
    controller.abort(reason);
    over.reject(reason);
  };
  const timer = setTimeout(() => end(new AttemptTimeoutError(`The attempt took longer than ${timeoutMs / 1_000} s`)), timeoutMs);
  const stop = () => end(new Error("The server stopped before the attempt had ended"));
  stopping.addEventListener("abort", stop, { once: true });
  try {
    if (stopping.aborted) stop();
    await Promise.race([over.promise, work(controller.signal)]);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", stop);
  }
}
