import { type CallOptions, invoke } from "./call.ts";
import type { SimIntegrationCalls } from "./generated/calls.ts";
import type {
  ClearCacheInput,
  ClearedCache,
  IntegrationHealth,
  IntegrationValidation,
  SyncedWorkspaces,
  SyncStatus,
  SyncWorkspacesInput,
} from "./generated/schemas.ts";
import type { MethodsFor } from "./resource.ts";

/** What Sim's backend and administrators ask of the server as a whole. */
export class SimIntegration implements Pick<MethodsFor<SimIntegrationCalls>, "cache" | "health" | "sync" | "validate"> {
  readonly #calls: SimIntegrationCalls;

  constructor(calls: SimIntegrationCalls) {
    this.#calls = calls;
  }

  /** Whether the server and Sim's database work together; needs no credential. */
  health(options: CallOptions = {}): Promise<IntegrationHealth> {
    return invoke(options, (call) => this.#calls.health.query(undefined, call));
  }

  /** Everything that the server and Sim have to agree on, looked at now; a failed check is an answer and no error. */
  validate(options: CallOptions = {}): Promise<IntegrationValidation> {
    return invoke(options, (call) => this.#calls.validate.mutate(undefined, call));
  }

  readonly sync = {
    /** Brings workspaces in step with Sim now; those that fail are named, and hold up no other. Repeated safely. */
    workspaces: (workspaces: SyncWorkspacesInput, options: CallOptions = {}): Promise<SyncedWorkspaces> =>
      invoke(options, (call) => this.#calls.sync.workspaces.mutate(workspaces, call)),

    /** How a workspace stands beside Sim at this moment, and what differs. */
    status: (workspaceId: string, options: CallOptions = {}): Promise<SyncStatus> =>
      invoke(options, (call) => this.#calls.sync.status.query({ workspaceId }, call)),
  };

  readonly cache = {
    /** Every instance forgets what it remembers of a workspace, of a user, or of a user in a workspace; without either only for Sim's backend. */
    clear: (scope: ClearCacheInput = {}, options: CallOptions = {}): Promise<ClearedCache> =>
      invoke(options, (call) => this.#calls.cache.clear.mutate(scope, call)),
  };
}
