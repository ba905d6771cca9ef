import type { Handler } from "./lifecycle-context.ts";
import { settle } from "./settle.ts";

/** Agents are archived with the workspace, and its running sessions completed; what is open on it is closed. */
export const workspaceArchived: Handler = async (ctx, event) => {
  await ctx.publish({ kind: "workspace", workspaceId: event.workspaceId });
  return settle(ctx, event);
};
