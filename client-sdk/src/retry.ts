import type { SimParlantError } from "./errors.ts";

const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 8_000;
/** A server that asks for a longer wait is not called again; the caller learns of it at once. */
export const MAX_RETRY_AFTER_MS = 60_000;

const SECONDS = /^\d{1,9}$/;
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const NEVER_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/**
 * Whether the failed call may be made again. A call is repeatable where making it twice does no more than once: a query,
 * or a mutation under an idempotency key. Any other is made again only where the server surely has done nothing.
 */
export function isRetryable(error: SimParlantError, isRepeatable: boolean): boolean {
  switch (error.code) {
    case "RATE_LIMITED":
      return true;
    case "CONNECTION":
      return isRepeatable || NEVER_CONNECTED.has(systemCodeOf(error.cause));
    case "SERVICE_UNAVAILABLE":
    case "INTERNAL_ERROR":
      return isRepeatable;
    case "TIMEOUT":
      return isRepeatable && error.status !== undefined;
    case "CONFLICT":
      // An earlier try of this very call, whose answer was lost, is still at work.
      return isRepeatable && error.details?.code === "IDEMPOTENCY_IN_FLIGHT";
    default:
      return false;
  }
}

/** Milliseconds until the next try: what the server asked for, else a full-jitter backoff; null where it asks for too much. */
export function backoffMs(attempt: number, retryAfterMs: number | undefined, random: () => number): number | null {
  if (retryAfterMs !== undefined) return retryAfterMs <= MAX_RETRY_AFTER_MS ? retryAfterMs : null;
  return Math.floor(random() * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt));
}

/** The header's wait in milliseconds: whole seconds or an HTTP date, strictly; undefined for anything else (RFC 9110, 10.2.3). */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (SECONDS.test(text)) return Number(text) * 1_000;
  if (!HTTP_DATE.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function systemCodeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
