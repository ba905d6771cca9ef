import type { FastifyRequest } from "fastify";
import type { Operation } from "../permissions/levels.ts";
import { beginAttempt, noteFailure } from "../trpc/attempt.ts";
import type { RequestContext } from "../trpc/context.ts";
import { recognise } from "../trpc/enter-workspace.ts";

/** The procedure of a workspace that a route stands for. */
export interface RoutedCall {
  operation: Operation;
  procedure: string;
}

declare module "fastify" {
  interface FastifyContextConfig {
    call?: RoutedCall;
  }
}

/**
 * What `read` takes from a request. Where it refuses, the caller is recognised before it is told why: nobody else learns
 * what a call would take.
 *
 * @throws AppError as recognise does, unless the call is public; else as `read` does
 */
export async function readRecognised<Value>(
  ctx: RequestContext,
  isPublic: boolean,
  read: () => Value,
  routed?: FastifyRequest,
): Promise<Value> {
  try {
    return read();
  } catch (error) {
    if (!isPublic) await recogniseRouted(ctx, routed);
    throw error;
  }
}

/**
 * The caller is recognised as the tables stand now; a refusal is left in the trail of the workspace that the route's
 * path names.
 *
 * @throws AppError as recognise does
 */
export async function recogniseRouted(ctx: RequestContext, routed: FastifyRequest | undefined): Promise<void> {
  const call = routed?.routeOptions.config.call;
  const attempt = call && beginAttempt(ctx, call, routed.params);
  try {
    await recognise(ctx, false, attempt);
    // No statement follows that would notice that a remembered credential has ended.
    await recognise(ctx, true, attempt);
  } catch (error) {
    if (attempt) noteFailure(ctx, attempt, error);
    throw error;
  }
}
