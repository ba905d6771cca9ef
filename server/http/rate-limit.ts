import { hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { LRUCache } from "lru-cache";
import type { Clock } from "../shared/clock.ts";

const WINDOW_MS = 60_000;
const MAX_KEYS = 50_000;

/** How a caller stands in its present minute. */
export interface RateState {
  limit: number;
  remaining: number;
  resetAtMs: number;
  isExceeded: boolean;
}

export interface RateLimiter {
  /** Counts `cost` requests of the caller behind these headers. */
  take(headers: IncomingHttpHeaders, ip: string, cost: number): RateState;
  /** The time by which windows are counted. */
  now(): number;
  /** The credential in these headers proved to be this principal's: its requests are the principal's from now on. */
  recognise(headers: IncomingHttpHeaders, principal: string): void;
}

/**
 * Limits each principal to so many requests a minute, whatever credential it presents. A credential that has not been
 * verified counts for the address it comes from: made-up ones do not get a minute of their own.
 */
export function createRateLimiter({ limitPerMinute, clock }: { limitPerMinute: number; clock: Clock }): RateLimiter {
  const windows = new LRUCache<string, { used: number; resetAtMs: number }>({ max: MAX_KEYS });
  const principals = new LRUCache<string, string>({ max: MAX_KEYS });
  return {
    take(headers, ip, cost) {
      const digest = digestOf(headers);
      const key = (digest !== null && principals.get(digest)) || `ip:${ip}`;
      const now = clock.now();
      let window = windows.get(key);
      if (!window || window.resetAtMs <= now) {
        window = { used: 0, resetAtMs: now + WINDOW_MS };
        windows.set(key, window);
      }
      const isExceeded = window.used + cost > limitPerMinute;
      window.used = Math.min(limitPerMinute, window.used + cost);
      return { limit: limitPerMinute, remaining: limitPerMinute - window.used, resetAtMs: window.resetAtMs, isExceeded };
    },
    now: () => clock.now(),
    recognise(headers, principal) {
      const digest = digestOf(headers);
      if (digest !== null) principals.set(digest, principal);
    },
  };
}

/** Of every header that can carry a credential, so that no secret is kept; null where there is none. */
function digestOf({ authorization, cookie, "x-api-key": apiKey }: IncomingHttpHeaders): string | null {
  if (authorization === undefined && cookie === undefined && apiKey === undefined) return null;
  return hash("sha256", JSON.stringify([authorization, apiKey, cookie]), "base64");
}
