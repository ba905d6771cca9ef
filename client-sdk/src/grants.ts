import { type CallOptions, invoke } from "./call.ts";
import type { WorkspacesAgentsGrantsCalls } from "./generated/calls.ts";
import type { Grant, GrantEntry, GrantPage, ListGrantsInput, RemovedGrant, SetGrantInput } from "./generated/schemas.ts";
import { PageRequest } from "./page-request.ts";
import type { MethodsFor } from "./resource.ts";

export type NewGrant = Omit<SetGrantInput, "workspaceId" | "agentId" | "userId">;
export type GrantFilters = Omit<ListGrantsInput, "workspaceId" | "agentId">;

/** Who has which level on one workspace's agents beside what permissions give. */
export class Grants implements MethodsFor<WorkspacesAgentsGrantsCalls> {
  readonly #calls: WorkspacesAgentsGrantsCalls;
  readonly #workspaceId: string;

  constructor(calls: WorkspacesAgentsGrantsCalls, workspaceId: string) {
    this.#calls = calls;
    this.#workspaceId = workspaceId;
  }

  /** The grants on an agent: awaited, one page; iterated, all of them. */
  list(agentId: string, filters: GrantFilters = {}, options: CallOptions = {}): PageRequest<GrantEntry, GrantPage> {
    return new PageRequest((cursor) => {
      const input = { ...filters, cursor, workspaceId: this.#workspaceId, agentId };
      return invoke(options, (call) => this.#calls.list.query(input, call));
    }, filters.cursor);
  }

  /** Gives a user a level on an agent, in the place of the one given before. */
  set(agentId: string, userId: string, grant: NewGrant, options: CallOptions = {}): Promise<Grant> {
    const input = { ...grant, workspaceId: this.#workspaceId, agentId, userId };
    return invoke(options, (call) => this.#calls.set.mutate(input, call));
  }

  /** Takes a user's grant on an agent away. */
  remove(agentId: string, userId: string, options: CallOptions = {}): Promise<RemovedGrant> {
    const input = { workspaceId: this.#workspaceId, agentId, userId };
    return invoke(options, (call) => this.#calls.remove.mutate(input, call));
  }
}
