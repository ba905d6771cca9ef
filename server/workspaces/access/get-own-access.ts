import { actingUserId, principalId } from "../../auth/principal.ts";
import { agentLevel, type LevelAgent } from "../../permissions/levels.ts";
import { levelRuleOf, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { OwnAccess } from "./schemas.ts";

/** What the caller is and may do in the workspace, and where that comes from. */
export async function getOwnAccess(ctx: WorkspaceContext): Promise<OwnAccess> {
  const { principal, permission, workspaceId, decision } = ctx;
  const userId = actingUserId(principal);
  const nowMs = ctx.clock.now();
  const rule = levelRuleOf(ctx);
  const levelOn = (agent: Partial<LevelAgent>) =>
    agentLevel(rule, { visibility: "workspace", createdBy: null, createdByKeyId: null, ...agent }, null, nowMs);
  return {
    workspaceId,
    principal: { kind: principal.kind, id: principalId(principal), userId },
    permission,
    sources: await sourcesOf(ctx, userId),
    levels: {
      workspace: levelOn({}),
      restricted: levelOn({ visibility: "restricted" }),
      own: levelOn(rule.creator ?? {}),
    },
    decision: {
      source: decision.isRemembered ? "cache" : "database",
      decidedAt: new Date(decision.decidedAtMs),
      ageMs: Math.max(0, nowMs - decision.decidedAtMs),
    },
    isolation: { workspaceId, verified: true },
  };
}

/** One statement in any case: its guard is what makes a remembered decision the present one. */
async function sourcesOf(ctx: WorkspaceContext, userId: string | null): Promise<OwnAccess["sources"]> {
  const [facts] = await ctx.db.members({ userIds: userId === null ? [] : [userId], order: "asc", take: 1 });
  if (userId === null) return [{ kind: "workspace_api_key", permission: ctx.permission, role: null }];
  return [
    ...(facts?.ownPermission ? [{ kind: "explicit" as const, permission: facts.ownPermission, role: null }] : []),
    ...(facts?.organizationRole === "owner" || facts?.organizationRole === "admin"
      ? [{ kind: "organization" as const, permission: "admin" as const, role: facts.organizationRole }]
      : []),
  ];
}
