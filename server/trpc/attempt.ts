import { z } from "zod";
import { type Attempt, noteRefusal } from "../audit/refusals.ts";
import type { Operation } from "../permissions/levels.ts";
import { simId } from "../shared/text.ts";
import type { RequestContext } from "./context.ts";
import { toAppError } from "./errors.ts";

/** What of an input names where a call goes; it is read before the rest is judged. */
const rowId = z.uuid().toLowerCase();

/** A call that has begun, with what its raw input names. */
export function beginAttempt(
  ctx: RequestContext,
  { operation, procedure }: { operation: Operation; procedure: string },
  rawInput: unknown,
): Attempt {
  return {
    operation,
    workspaceId: fieldOf(rawInput, "workspaceId", simId),
    agentId: fieldOf(rawInput, "agentId", rowId),
    sessionId: fieldOf(rawInput, "sessionId", rowId),
    request: { ...ctx.request, method: [ctx.request.method, procedure].filter(Boolean).join(" ") },
  };
}

/** Leaves the refusal in the trail of the workspace that the call names; what is no refusal leaves nothing. */
export function noteFailure(ctx: RequestContext, attempt: Attempt, error: unknown): void {
  noteRefusal(ctx.services.audit, attempt, toAppError(error));
}

function fieldOf(rawInput: unknown, name: string, schema: z.ZodType<string>): string | null {
  if (typeof rawInput !== "object" || rawInput === null || !Object.hasOwn(rawInput, name)) return null;
  const parsed = schema.safeParse((rawInput as Record<string, unknown>)[name]);
  return parsed.success ? parsed.data : null;
}
