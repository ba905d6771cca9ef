import type { Handler } from "./lifecycle-context.ts";
import { permissionsUpdated } from "./permissions-updated.ts";

/** A member's permission counts at once; nothing is given here by itself. */
export const memberAdded: Handler = (ctx, event) => permissionsUpdated(ctx, event);
