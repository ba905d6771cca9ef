import type { Handler } from "./lifecycle-context.ts";
import { removeStrayGrants } from "./remove-stray-grants.ts";
import { settle } from "./settle.ts";

/** More than so many users at once are everyone. */
const MAX_NAMED_USERS = 20;

/** What is remembered of the users' permissions is dropped everywhere, and who has none any more keeps no grant. */
export const permissionsUpdated: Handler = async (ctx, event) => {
  const { workspaceId, userIds } = event;
  const isEveryone = userIds.length === 0 || userIds.length > MAX_NAMED_USERS;
  for (const userId of isEveryone ? [null] : userIds) await ctx.publish({ kind: "permissions", workspaceId, userId });
  return settle(ctx, event, [removeStrayGrants]);
};
