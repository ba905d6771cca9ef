import type { Handler } from "./lifecycle-context.ts";
import { requestDeletion } from "./request-deletion.ts";
import { settle } from "./settle.ts";

/**
 * As archived at once, and it is kept that the workspace is to be purged. The purge itself is no event's: it is carried
 * out later, and only while Sim shows the workspace as archived.
 */
export const workspaceDeleted: Handler = async (ctx, event) => {
  await ctx.publish({ kind: "workspace", workspaceId: event.workspaceId });
  return settle(ctx, event, [requestDeletion]);
};
