import { noteRefusal } from "../audit/refusals.ts";
import type { Authentication } from "../auth/principal.ts";
import type { WorkspaceOperation } from "../permissions/levels.ts";
import type { RequestInfo } from "../permissions/workspace-context.ts";
import { AppError } from "../shared/errors.ts";
import { beginAttempt, noteFailure } from "./attempt.ts";
import type { RequestContext, Services } from "./context.ts";
import { enterAfresh, recognise } from "./enter-workspace.ts";
import { toAppError } from "./errors.ts";
import { ladder, type Opener, type Step, step } from "./procedures.ts";

/** A call of simIntegration that has been let in: who calls, and what the server has. It is bound to no workspace. */
export interface IntegrationContext {
  caller: Authentication;
  services: Services;
  request: RequestInfo;
}

type IntegrationStep<Base> = Step<{ ctx: IntegrationContext }, { ctx: IntegrationContext }, Base>;

/** A procedure for Sim's backend on its own behalf alone: where it acts for a user, it may what that user may. */
export function internalProcedure(summary: string): IntegrationStep<unknown> {
  const builder = ladder({ permission: "internal", summary }).use(async ({ ctx, path, next }) => {
    const caller = await recognise(ctx, true);
    if (!isSimItself(caller)) throw refused(ctx, path, caller, "This is for Sim's backend alone");
    return next({ ctx: { integration: contextOf(ctx, path, caller) } });
  });
  return step(builder, { query: open, mutation: open });
}

/** A procedure for whoever is signed in, and for Sim's backend. */
export function authenticatedProcedure(summary: string): IntegrationStep<unknown> {
  const builder = ladder({ permission: "authenticated", summary }).use(async ({ ctx, path, next }) => {
    const caller = await recognise(ctx, true);
    return next({ ctx: { integration: contextOf(ctx, path, caller) } });
  });
  return step(builder, { query: open, mutation: open });
}

/**
 * A procedure for Sim's backend on its own behalf, and for whoever has what the operation needs in every workspace that
 * the input names. An input that names none is for Sim's backend alone. Permissions are read from the tables, none is
 * remembered, and all of them before anything is done.
 */
export function namedWorkspacesProcedure<Base>(
  operation: WorkspaceOperation,
  summary: string,
  workspacesOf: (input: Base) => readonly string[],
): IntegrationStep<Base> {
  const admitted: Opener<RequestContext & { path: string }> = async (ctx, input, verb) => {
    const called = { operation, procedure: ctx.path };
    const attempt = beginAttempt(ctx, called, input);
    try {
      const caller = await recognise(ctx, false, attempt);
      if (!isSimItself(caller)) {
        const named = new Set(workspacesOf(input as Base));
        if (named.size === 0) throw forSimAlone("Without a workspace this is for Sim's backend alone: name workspaces");
        for (const workspaceId of named) {
          attempt.workspaceId = workspaceId;
          await enterAfresh(ctx, { ...called, workspaceId });
        }
      }
      const output = await verb({ ctx: contextOf(ctx, ctx.path, caller), input });
      ctx.services.audit.counts.allow++;
      return output;
    } catch (error) {
      noteFailure(ctx, attempt, error);
      throw error;
    }
  };
  const builder = ladder({ permission: operation, summary }).use(async ({ ctx, path, getRawInput, next }) => {
    // Nobody learns what a call would take before it is known who asks.
    await getRawInput();
    await recognise(ctx, true);
    return next({ ctx: { path } });
  });
  return step(builder, { query: admitted, mutation: admitted });
}

const open: Opener<{ integration: IntegrationContext }> = (ctx, input, verb) => verb({ ctx: ctx.integration, input });

function contextOf({ services, request }: RequestContext, path: string, caller: Authentication): IntegrationContext {
  return { caller, services, request: { ...request, method: [request.method, path].filter(Boolean).join(" ") } };
}

/** The refusal of a caller of another kind, counted for it. */
function refused(ctx: RequestContext, path: string, caller: Authentication, message: string): AppError {
  const error = forSimAlone(message);
  const request = { ...ctx.request, method: path };
  noteRefusal(ctx.services.audit, { operation: "integration:sync", workspaceId: null, agentId: null, request, caller }, error);
  return toAppError(error);
}

function isSimItself({ principal }: Authentication): boolean {
  return principal.kind === "internal" && principal.userId === null;
}

function forSimAlone(message: string): AppError {
  return new AppError("FORBIDDEN", message, { details: { code: "PRINCIPAL_KIND_NOT_PERMITTED" } });
}
