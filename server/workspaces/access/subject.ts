import { actingUserId } from "../../auth/principal.ts";
import type { LevelRule } from "../../db/agent-level-sql.ts";
import type { MemberFacts } from "../../db/workspace-members.ts";
import { effectivePermission, levelRule, type WorkspacePermission } from "../../permissions/levels.ts";
import { levelRuleOf, type WorkspaceContext } from "../../permissions/workspace-context.ts";

/** Of whom an access is decided: the caller, or a user that an admin asks about. */
export interface Subject {
  userId: string | null;
  permission: WorkspacePermission | null;
  /** Null without a permission. */
  rule: LevelRule | null;
}

export function callerAsSubject(ctx: Pick<WorkspaceContext, "principal" | "permission">): Subject {
  return { userId: actingUserId(ctx.principal), permission: ctx.permission, rule: levelRuleOf(ctx) };
}

/** A user with a permission in place of the one it has. */
export function userAsSubject(userId: string, permission: WorkspacePermission | null): Subject {
  return { userId, permission, rule: permission && levelRule({ permission, userId, keyId: null }) };
}

/** What Sim's tables say of a user here; nothing where it has no permission. */
export async function findFacts(ctx: WorkspaceContext, userId: string): Promise<MemberFacts | undefined> {
  const [facts] = await ctx.db.members({ userIds: [userId], order: "asc", take: 1 });
  return facts;
}

/** The permission that facts come to, or would with another row of the user's own. */
export function permissionOf(
  facts: MemberFacts | undefined,
  own: WorkspacePermission | null = facts?.ownPermission ?? null,
): WorkspacePermission | null {
  return effectivePermission({ own, organizationRole: facts?.organizationRole ?? null });
}
