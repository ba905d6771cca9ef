import { type CallOptions, runMutation, runQuery } from "./call.ts";
import type { SimIntegrationCalls } from "./generated/calls.ts";
import type {
  AcceptedDelivery,
  AcceptPermissionUpdateInput,
  AcceptWorkspaceEventInput,
  ClearCacheInput,
  ClearedCache,
  IntegrationHealth,
  IntegrationValidation,
  ReplayedDeliveries,
  ReplayInput,
  SyncedWorkspaces,
  SyncStatus,
  SyncWorkspacesInput,
} from "./generated/schemas.ts";
import type { MethodsFor } from "./resource.ts";

/** What Sim's backend tells of a workspace, and of a user's permission in one, in the names of its webhooks. */
export type WorkspaceEvent = AcceptWorkspaceEventInput["event"];
export type PermissionUpdate = AcceptPermissionUpdateInput["event"];

export interface DeliveryOptions extends CallOptions {
  /** The same id and event again have no second effect; the event's hash unless given. */
  deliveryId?: string | undefined;
}

/** What Sim's backend and administrators ask of the server as a whole. */
export class SimIntegration implements MethodsFor<SimIntegrationCalls> {
  readonly #calls: SimIntegrationCalls;

  constructor(calls: SimIntegrationCalls) {
    this.#calls = calls;
  }

  /** Whether the server and Sim's database work together; needs no credential. */
  health(options: CallOptions = {}): Promise<IntegrationHealth> {
    return runQuery(this.#calls.health, undefined, options);
  }

  /** Everything that the server and Sim have to agree on, looked at now; a failed check is an answer and no error. */
  validate(options: CallOptions = {}): Promise<IntegrationValidation> {
    return runMutation(this.#calls.validate, undefined, options);
  }

  readonly sync = {
    /** Brings workspaces in step with Sim now; those that fail are named, and hold up no other. Repeated safely. */
    workspaces: (workspaces: SyncWorkspacesInput, options: CallOptions = {}): Promise<SyncedWorkspaces> =>
      runMutation(this.#calls.sync.workspaces, workspaces, options),

    /** How a workspace stands beside Sim at this moment, and what differs. */
    status: (workspaceId: string, options: CallOptions = {}): Promise<SyncStatus> =>
      runQuery(this.#calls.sync.status, { workspaceId }, options),
  };

  /** For Sim's backend with its internal token; whoever has the webhooks' secret sends the same events by the webhooks entry. */
  readonly webhooks = {
    /** Tells of a workspace; it has its effect once, as Sim's tables say then. */
    workspaceEvents: (event: WorkspaceEvent, { deliveryId, ...options }: DeliveryOptions = {}): Promise<AcceptedDelivery> =>
      runMutation(this.#calls.webhooks.workspaceEvents, { event, deliveryId }, options),

    /** Tells that a user's permission was changed; what was remembered of it is dropped. */
    permissionUpdates: (update: PermissionUpdate, { deliveryId, ...options }: DeliveryOptions = {}): Promise<AcceptedDelivery> =>
      runMutation(this.#calls.webhooks.permissionUpdates, { event: update, deliveryId }, options),

    /** Queues deliveries of a workspace again that have failed, each with all its tries. */
    replay: (deliveries: ReplayInput, options: CallOptions = {}): Promise<ReplayedDeliveries> =>
      runMutation(this.#calls.webhooks.replay, deliveries, options),
  };

  readonly cache = {
    /** Every instance forgets what it remembers of a workspace, of a user, or of a user in a workspace; without either only for Sim's backend. */
    clear: (scope: ClearCacheInput = {}, options: CallOptions = {}): Promise<ClearedCache> =>
      runMutation(this.#calls.cache.clear, scope, options),
  };
}
