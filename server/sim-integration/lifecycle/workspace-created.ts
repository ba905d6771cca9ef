import type { Handler } from "./lifecycle-context.ts";
import { settle } from "./settle.ts";

/** The workspace's state is made: its boundary key, its settings, the time of it. */
export const workspaceCreated: Handler = (ctx, event) => settle(ctx, event);
