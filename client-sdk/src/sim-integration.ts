import { type CallOptions, invoke } from "./call.ts";
import type { SimIntegrationCalls } from "./generated/calls.ts";
import type { ClearCacheInput, ClearedCache, IntegrationHealth, IntegrationValidation } from "./generated/schemas.ts";
import type { MethodsFor } from "./resource.ts";

/** What Sim's backend and administrators ask of the server as a whole. */
export class SimIntegration implements Pick<MethodsFor<SimIntegrationCalls>, "cache" | "health" | "validate"> {
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

  readonly cache = {
    /** Every instance forgets what it remembers of a workspace, of a user, or of a user in a workspace; without either only for Sim's backend. */
    clear: (scope: ClearCacheInput = {}, options: CallOptions = {}): Promise<ClearedCache> =>
      invoke(options, (call) => this.#calls.cache.clear.mutate(scope, call)),
  };
}
