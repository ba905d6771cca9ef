import type { RequestContext } from "../trpc/context.ts";
import { recognise } from "../trpc/enter-workspace.ts";

/**
 * What `read` takes from a request. Where it refuses, the caller is recognised before it is told why: nobody else learns
 * what a call would take.
 *
 * @throws AppError as recognise does, unless the call is public; else as `read` does
 */
export async function readRecognised<Value>(ctx: RequestContext, isPublic: boolean, read: () => Value): Promise<Value> {
  try {
    return read();
  } catch (error) {
    if (!isPublic) await recognise(ctx, false);
    throw error;
  }
}
