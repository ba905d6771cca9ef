import type { Handler } from "./lifecycle-context.ts";
import { settle } from "./settle.ts";

/** Every agent is again what it was before the workspace was archived; one that was archived by hand stays so. */
export const workspaceRestored: Handler = async (ctx, event) => {
  await ctx.publish({ kind: "workspace", workspaceId: event.workspaceId });
  return settle(ctx, event);
};
