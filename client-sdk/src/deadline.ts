import { abortedBy, TimeoutError } from "./error-classes.ts";

/** The time that one call has, ended earlier by its caller. */
export interface Deadline {
  /** Aborts with a TimeoutError or an AbortedError as its reason. */
  signal: AbortSignal;
  /** The promise, or the signal's reason if that comes first: not every fetch heeds its signal. */
  race<Value>(promise: Promise<Value>): Promise<Value>;
  /** Leaves no timer and no listener behind. */
  close(): void;
}

/** Starts the clock of one call; `timeoutMs` may be Infinity. */
export function openDeadline(timeoutMs: number, callerSignal: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  const onAbort = () => controller.abort(abortedBy(callerSignal));
  const onTimeout = () => controller.abort(new TimeoutError(`No answer within ${timeoutMs} ms`));
  const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(onTimeout, timeoutMs);
  if (callerSignal?.aborted) onAbort();
  else callerSignal?.addEventListener("abort", onAbort, { once: true });
  const { signal } = controller;

  return {
    signal,
    race: (promise) => raceWith(signal, promise),
    close() {
      clearTimeout(timer);
      callerSignal?.removeEventListener("abort", onAbort);
    },
  };
}

/** Waits, and rejects with the signal's reason as soon as it aborts. */
export function waitFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const time = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return (signal ? raceWith(signal, time) : time).finally(() => clearTimeout(timer));
}

function raceWith<Value>(signal: AbortSignal, promise: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const lose = () => reject(signal.reason);
    if (signal.aborted) lose();
    else signal.addEventListener("abort", lose, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", lose));
  });
}
