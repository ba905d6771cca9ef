/** Seconds between a failed try and the next. Source: Standard Webhooks 1.0, "Retry schedule". */
const DELAYS_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/** Each delay is longer or shorter by up to this share, so that what failed together does not come back together. */
const JITTER = 0.2;
const MAX_RETRY_AFTER_SECONDS = 86_400;

/** Tries of one delivery, redeliveries apart. */
export const MAX_TRIES = DELAYS_SECONDS.length + 1;

/** Seconds until the next try after so many; the receiver's own wish where that is longer. Null where there is none. */
export function retryDelaySeconds(tries: number, retryAfterSeconds: number | null, random: () => number): number | null {
  const delay = DELAYS_SECONDS[tries - 1];
  if (delay === undefined) return null;
  const spread = delay * (1 + JITTER * (2 * random() - 1));
  return Math.ceil(Math.max(spread, Math.min(retryAfterSeconds ?? 0, MAX_RETRY_AFTER_SECONDS)));
}

/** How long an endpoint that has failed so many times in a row is left alone by all its deliveries. */
export function pauseSeconds(failures: number, retryAfterSeconds: number | null): number {
  const pause = failures < 3 ? 0 : Math.min(600, 15 * 2 ** (failures - 3));
  return Math.max(pause, Math.min(retryAfterSeconds ?? 0, MAX_RETRY_AFTER_SECONDS));
}
