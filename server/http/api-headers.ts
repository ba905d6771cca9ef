import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../shared/errors.ts";
import type { RateLimiter } from "./rate-limit.ts";

/** How many calls a request makes: those of a tRPC batch stand in its path. */
export type CountCalls = (request: FastifyRequest) => number;

/**
 * Gives an answer under /api the headers that each of them has.
 *
 * @throws AppError RATE_LIMITED where the caller has used up its minute
 */
export function applyApiHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  limiter: RateLimiter | null,
  countCalls: CountCalls,
): void {
  reply.header("cache-control", "private, no-store");
  if (!limiter) return;
  const { limit, remaining, resetAtMs, isExceeded } = limiter.take(request.headers, request.ip, countCalls(request));
  const reset = new Date(resetAtMs);
  reply.header("x-ratelimit-limit", String(limit));
  reply.header("x-ratelimit-remaining", String(remaining));
  reply.header("x-ratelimit-reset", reset.toISOString());
  if (!isExceeded) return;
  throw new AppError("RATE_LIMITED", `More than ${limit} requests in a minute; try again after ${reset.toISOString()}`, {
    retryAfterSeconds: (resetAtMs - limiter.now()) / 1_000,
  });
}
