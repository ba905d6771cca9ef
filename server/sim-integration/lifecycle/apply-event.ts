import type { SimEvent, SimEventType } from "../sim-event.ts";
import type { Effect, Handler, LifecycleContext } from "./lifecycle-context.ts";
import { memberAdded } from "./member-added.ts";
import { memberRemoved } from "./member-removed.ts";
import { ownershipTransferred } from "./ownership-transferred.ts";
import { permissionsUpdated } from "./permissions-updated.ts";
import { workspaceArchived } from "./workspace-archived.ts";
import { workspaceCreated } from "./workspace-created.ts";
import { workspaceDeleted } from "./workspace-deleted.ts";
import { workspaceRestored } from "./workspace-restored.ts";
import { workspaceUpdated } from "./workspace-updated.ts";

const HANDLERS = {
  workspace_created: workspaceCreated,
  workspace_updated: workspaceUpdated,
  workspace_archived: workspaceArchived,
  workspace_restored: workspaceRestored,
  workspace_deleted: workspaceDeleted,
  workspace_permissions_updated: permissionsUpdated,
  workspace_member_added: memberAdded,
  workspace_member_removed: memberRemoved,
  workspace_ownership_transferred: ownershipTransferred,
} satisfies Record<SimEventType, Handler>;

/**
 * What Sim told of is carried out here, as Sim's tables say at this moment: late, doubled or in another order, the event
 * leads to the same. Rejects where the database cannot; then nothing of it is done and it can be applied again.
 */
export function applyEvent(ctx: LifecycleContext, event: SimEvent): Promise<Effect> {
  return HANDLERS[event.type](ctx, event);
}
