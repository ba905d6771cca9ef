import type { SimParlantError } from "./errors.ts";

const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 8_000;
/** A server that asks for a longer wait is not called again; the caller learns of it at once. */
export const MAX_RETRY_AFTER_MS = 60_000;

const SECONDS = /^\d{1,9}$/;
const REPEATED: string[] = ["CONNECTION", "SERVICE_UNAVAILABLE", "INTERNAL_ERROR"];
const NEVER_CONNECTED = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"];

/**
 * Whether the failed call may be made again. A call is repeatable where making it twice does no more than once: a query,
 * or a mutation under an idempotency key. Any other is made again only where the server surely has done nothing.
 */
export function isRetryable(error: SimParlantError, isRepeatable: boolean): boolean {
  const { code, status, details, cause } = error;
  if (code === "RATE_LIMITED") return true;
  if (!isRepeatable) return code === "CONNECTION" && NEVER_CONNECTED.includes(errnoOf(cause) ?? "");
  // Where it is said to be in flight, an earlier try of this very call, whose answer was lost, is still at work.
  return REPEATED.includes(code) || (code === "TIMEOUT" && status !== undefined) || details?.code === "IDEMPOTENCY_IN_FLIGHT";
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
  // Every other of the forms that Date.parse takes is none of HTTP's.
  const date = text.endsWith(" GMT") ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** What fetch's error has as its own cause, where that is the system's. */
function errnoOf(error: unknown): string | undefined {
  return (error as { cause?: { code?: string } } | undefined)?.cause?.code;
}
