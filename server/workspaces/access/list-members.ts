import { sortedEmail } from "../../db/workspace-members.ts";
import { isOrganizationAdmin } from "../../permissions/levels.ts";
import { levelRuleOf, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor } from "../../shared/pagination.ts";
import { authenticRows } from "../agents/agent-row.ts";
import type { ListMembersInput, MemberPage, WorkspaceMember } from "./schemas.ts";
import { permissionOf } from "./subject.ts";

const MAX_GRANTS_SHOWN = 100;

/** One page of the users with a permission in the workspace, each with its grants as far as the caller may manage them. */
export async function listMembers(ctx: WorkspaceContext, input: ListMembersInput): Promise<MemberPage> {
  const { limit, cursor, sortBy, sortOrder: order } = input;
  const query = { workspaceId: ctx.workspaceId, membersBy: sortBy, order };
  const keyset = cursor === undefined ? undefined : decodeCursor(query, cursor, "text and Sim's id");
  const after = keyset && { email: keyset.value, userId: keyset.id };
  const rows = await ctx.db.members({ userIds: null, order, take: limit + 1, ...(after && { after }) });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const grants = await managedGrants(
    ctx,
    page.map(({ userId }) => userId),
  );
  return {
    data: page.flatMap((facts): WorkspaceMember[] => {
      const permissionType = permissionOf(facts);
      if (permissionType === null) return [];
      const { userId, email, name, image, isExternal, joinedAt } = facts;
      const isOrgAdmin = isOrganizationAdmin(facts.organizationRole);
      const roleSource = facts.isOwner ? "owner" : isOrgAdmin && facts.ownPermission !== "admin" ? "org-admin" : "explicit";
      const member = { userId, email, name, image, permissionType, isExternal, joinedAt, roleSource, isOrgAdmin } as const;
      return [{ ...member, ...(grants.get(userId) ?? { grants: [], hasMoreGrants: false }) }];
    }),
    nextCursor: rows.length > limit && last ? encodeCursor(query, { value: sortedEmail(last.email), id: last.userId }) : null,
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}

type Grants = Pick<WorkspaceMember, "grants" | "hasMoreGrants">;

/** The users' grants on agents that the caller manages. A grant elsewhere would tell of an agent that may be hidden. */
async function managedGrants(ctx: WorkspaceContext, userIds: string[]): Promise<Map<string, Grants>> {
  const levels = { rule: levelRuleOf(ctx), nowMs: ctx.clock.now() };
  const takeOfEach = MAX_GRANTS_SHOWN + 1;
  const rows = await ctx.db.grantsOfUsers({ userIds, levels, required: "manage", takeOfEach });
  const agents = [...new Map(rows.map((row) => [row.id, row])).values()];
  const authentic = new Set((await authenticRows(ctx, agents)).map(({ id }) => id));
  const byUser = new Map<string, Grants & { read: number }>();
  for (const { userId, id: agentId, level, expiresAt } of rows) {
    const of = byUser.get(userId) ?? { grants: [], hasMoreGrants: false, read: 0 };
    byUser.set(userId, of);
    of.read += 1;
    of.hasMoreGrants = of.read > MAX_GRANTS_SHOWN;
    if (!of.hasMoreGrants && authentic.has(agentId)) of.grants.push({ agentId, level, expiresAt });
  }
  return byUser;
}
