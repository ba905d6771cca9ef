import type { Handler } from "./lifecycle-context.ts";
import { settle } from "./settle.ts";

/** The state has the settings that Sim's row has now. */
export const workspaceUpdated: Handler = (ctx, event) => settle(ctx, event);
