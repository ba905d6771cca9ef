import { authenticatedProcedure, internalProcedure, namedWorkspacesProcedure } from "../trpc/integration-procedures.ts";
import { publicProcedure } from "../trpc/procedures.ts";
import { ClearCacheInput, ClearedCache, clearCache } from "./clear-cache.ts";
import { checkHealth } from "./health.ts";
import { IntegrationHealth } from "./health-schema.ts";
import { AcceptedDelivery } from "./inbox/accept-delivery.ts";
import { AcceptPermissionUpdateInput, AcceptWorkspaceEventInput, acceptEvent } from "./inbox/accept-event.ts";
import { ReplayedDeliveries, ReplayInput, replayDeliveries } from "./inbox/replay-deliveries.ts";
import { NoInput } from "./no-input.ts";
import { SyncedWorkspaces, SyncStatus, SyncStatusInput, SyncWorkspacesInput } from "./sync/schemas.ts";
import { readSyncStatus } from "./sync/sync-status.ts";
import { syncWorkspaces } from "./sync/sync-workspaces.ts";
import { IntegrationValidation } from "./validate/schemas.ts";

export const simIntegrationRouter = {
  health: publicProcedure("Says whether this server and Sim's database work together; needs no credential.")
    .input(NoInput)
    .output(IntegrationHealth)
    .query(({ ctx }) => checkHealth(ctx.services)),
  validate: authenticatedProcedure("Looks at everything that this server and Sim have to agree on, for whoever is signed in.")
    .input(NoInput)
    .output(IntegrationValidation)
    .mutation(({ ctx }) => ctx.services.validateIntegration(ctx.caller.principal)),
  sync: {
    workspaces: namedWorkspacesProcedure<SyncWorkspacesInput>(
      "integration:sync",
      "Brings workspaces in step with Sim now, and says which are and what was done; for Sim's backend and the admins of all of them.",
      ({ workspaceIds }) => workspaceIds,
    )
      .input(SyncWorkspacesInput)
      .output(SyncedWorkspaces)
      .mutation(({ ctx, input }) => syncWorkspaces(ctx.services.sync, input)),
    status: namedWorkspacesProcedure<SyncStatusInput>(
      "integration:status",
      "How a workspace stands beside Sim at this moment, and what differs; for Sim's backend and the workspace's admins.",
      ({ workspaceId }) => [workspaceId],
    )
      .input(SyncStatusInput)
      .output(SyncStatus)
      .query(({ ctx: { services }, input }) => readSyncStatus({ ...services.sync, isolation: services.isolation }, input)),
  },
  webhooks: {
    workspaceEvents: internalProcedure("Takes what Sim tells of a workspace; it has its effect once, as Sim's tables say then.")
      .input(AcceptWorkspaceEventInput)
      .output(AcceptedDelivery)
      .mutation(({ ctx, input }) => acceptEvent(ctx.services.inbox, "workspace_event", input)),
    permissionUpdates: internalProcedure(
      "Takes that a user's permission was changed in Sim; what was remembered of it is dropped.",
    )
      .input(AcceptPermissionUpdateInput)
      .output(AcceptedDelivery)
      .mutation(({ ctx, input }) => acceptEvent(ctx.services.inbox, "permission_update", input)),
    replay: internalProcedure("Queues deliveries of a workspace again that have failed, each with all its tries.")
      .input(ReplayInput)
      .output(ReplayedDeliveries)
      .mutation(({ ctx, input }) => replayDeliveries(ctx.services.inbox, input)),
  },
  cache: {
    clear: namedWorkspacesProcedure<ClearCacheInput>(
      "integration:clear",
      "Makes every instance forget what it remembers of a workspace or a user; for Sim's backend and the workspace's admins.",
      ({ workspaceId }) => (workspaceId === undefined ? [] : [workspaceId]),
    )
      .input(ClearCacheInput)
      .output(ClearedCache)
      .mutation(({ ctx, input }) => clearCache(ctx, input)),
  },
};
