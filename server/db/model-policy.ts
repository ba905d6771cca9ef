import type { PrismaClient } from "./generated/client.ts";
import type { Statement } from "./sim-reader.ts";

/**
 * The configuration of the one permission group of Sim's that governs a user in a workspace: a group for this workspace
 * that the user is a member of, else one for this workspace that has no members and so governs everyone there, else the
 * organization's default. Of several of a rank the oldest governs, as in Sim. $2 is null for a caller without a user.
 */
function modelPolicyStatement(workspaceId: string, userId: string | null): Statement {
  return {
    name: "model_policy",
    text: `select g.config from public.permission_group g,
    lateral (select exists (select from public.permission_group_member m
        where m.permission_group_id = g.id and m.user_id = $2) as is_member,
      exists (select from public.permission_group_member m where m.permission_group_id = g.id) as has_members,
      exists (select from public.permission_group_workspace o
        where o.permission_group_id = g.id and o.workspace_id = $1) as is_of_workspace) t
  where g.organization_id = (select w.organization_id from public.workspace w where w.id = $1)
    and (g.is_default or (t.is_of_workspace and (t.is_member or not t.has_members)))
  order by g.is_default, t.is_member desc, g.created_at, g.id limit 1`,
    values: [workspaceId, userId],
  };
}

/** What the group is configured to; null where none governs the user. */
export async function readModelPolicy(tx: Pick<PrismaClient, "$queryRawUnsafe">, workspaceId: string, userId: string | null) {
  const { text, values } = modelPolicyStatement(workspaceId, userId);
  const [row] = await tx.$queryRawUnsafe<{ config: unknown }[]>(text, ...values);
  return row?.config ?? null;
}
