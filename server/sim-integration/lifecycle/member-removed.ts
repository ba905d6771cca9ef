import type { Handler } from "./lifecycle-context.ts";
import { permissionsUpdated } from "./permissions-updated.ts";

/** The member's permission counts no more and the grants are gone, unless Sim's tables still give a permission; the agents that the member created stay. */
export const memberRemoved: Handler = (ctx, event) => permissionsUpdated(ctx, event);
