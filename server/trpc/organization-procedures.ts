import { type Authentication, actingUserId } from "../auth/principal.ts";
import type { OrganizationContext } from "../permissions/organization-context.ts";
import { AppError, organizationNotFound } from "../shared/errors.ts";
import { beginAttempt, noteFailure } from "./attempt.ts";
import type { RequestContext } from "./context.ts";
import { recognise, withWorkspace } from "./enter-workspace.ts";
import { decisionOf, ladder, type Opener, type Step, step } from "./procedures.ts";

type OrganizationStep = Step<{ ctx: OrganizationContext }, { ctx: OrganizationContext }, { organizationId: string }>;
type RecognisedContext = RequestContext & { caller: Authentication; path: string };

/** A procedure of an organization, for its owners and admins; for anyone else there is none. */
export function organizationProcedure(summary: string): OrganizationStep {
  const builder = ladder({ permission: "authenticated", summary }).use(async ({ ctx, path, next }) => {
    // Whoever was refused too often is told so, remembered or not; who the caller is, is asked anew.
    await recognise(ctx, false);
    const caller = await recognise(ctx, true);
    return next({ ctx: { caller, path } });
  });
  const open: Opener<RecognisedContext> = async (ctx, input, verb) => {
    const { organizationId } = input as { organizationId: string };
    const attempt = { ...beginAttempt(ctx, calledBy(ctx), input), caller: ctx.caller };
    try {
      const userId = actingUserId(ctx.caller.principal);
      const found = userId === null ? null : await ctx.services.findAdministered(userId, organizationId);
      if (!found) throw organizationNotFound();
      ctx.services.audit.decisions.assertReadable();
      return await verb({ ctx: contextOf(ctx, { ...found, organizationId }), input });
    } catch (error) {
      noteFailure(ctx, attempt, error);
      throw error;
    }
  };
  return step(builder, { query: open, mutation: open });
}

const calledBy = ({ path }: RecognisedContext) => ({ operation: "analytics:read", procedure: path }) as const;

function contextOf(
  ctx: RecognisedContext,
  organization: Pick<OrganizationContext, "organizationId" | "workspaces" | "total">,
): OrganizationContext {
  const { services, caller } = ctx;
  return {
    ...organization,
    clock: services.clock,
    async inWorkspace(workspaceId, work) {
      const startedAtMs = performance.now();
      const attempt = beginAttempt(ctx, calledBy(ctx), { workspaceId });
      try {
        const access = await services.resolveAccess(caller, workspaceId, false);
        const entry = { ...calledBy(ctx), workspaceId, caller, access };
        const result = await withWorkspace(ctx, entry, work);
        services.audit.decisions.record(decisionOf(ctx, attempt, entry, startedAtMs));
        services.audit.counts.allow++;
        return result;
      } catch (error) {
        // Archived meanwhile, say, or closed to personal keys: that is no failure of what the others come to.
        if (error instanceof AppError && (error.code === "NOT_FOUND" || error.code === "FORBIDDEN")) return null;
        throw error;
      }
    },
  };
}
