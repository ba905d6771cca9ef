import type { Handler } from "./lifecycle-context.ts";
import { settle } from "./settle.ts";

/** The state has the new owner; who may do what is Sim's permissions' business, so what is remembered of them is dropped. */
export const ownershipTransferred: Handler = async (ctx, event) => {
  await ctx.publish({ kind: "workspace", workspaceId: event.workspaceId });
  return settle(ctx, event);
};
