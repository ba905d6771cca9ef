import { type CallOptions, type CreateOptions, runMutation, runQuery } from "./call.ts";
import type { WorkspacesAgentsCalls } from "./generated/calls.ts";
import type { Agent, AgentPage, CreateAgentInput, DeletedAgent, ListAgentsInput, UpdateAgentInput } from "./generated/schemas.ts";
import { Grants } from "./grants.ts";
import { keyed } from "./idempotency-key.ts";
import { listPages, type PageRequest } from "./page-request.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";

export type NewAgent = Omit<CreateAgentInput, "workspaceId">;
export type AgentChanges = Omit<UpdateAgentInput, "workspaceId" | "agentId">;
export type AgentFilters = Omit<ListAgentsInput, "workspaceId">;

/** The agents of one workspace. */
export class Agents extends Resource<WorkspacesAgentsCalls, OfWorkspace> implements MethodsFor<WorkspacesAgentsCalls> {
  readonly grants: Grants;

  constructor(calls: WorkspacesAgentsCalls, owner: OfWorkspace) {
    super(calls, owner);
    this.grants = new Grants(calls.grants, owner);
  }

  /** Creates an agent; repeated safely under an idempotency key, the call's own unless one is given. */
  create(agent: NewAgent, options: CreateOptions = {}): Promise<Agent> {
    const input = { ...agent, ...this.owner };
    return runMutation(this.calls.create, input, keyed(options));
  }

  /** The agents that the caller can see: awaited, one page; iterated, all of them. */
  list(filters: AgentFilters = {}, options: CallOptions = {}): PageRequest<Agent, AgentPage> {
    return listPages(this.calls.list, { ...filters, ...this.owner }, options);
  }

  /** One agent. */
  get(agentId: string, options: CallOptions = {}): Promise<Agent> {
    return runQuery(this.calls.get, this.#ref(agentId), options);
  }

  /** Changes the given fields; null clears one, an absent one stays. With `version`, only if the agent is still at it. */
  update(agentId: string, changes: AgentChanges, options: CallOptions = {}): Promise<Agent> {
    return runMutation(this.calls.update, { ...changes, ...this.#ref(agentId) }, options);
  }

  /** Deletes an agent; until it is purged, restore brings it back. */
  delete(agentId: string, options: CallOptions = {}): Promise<DeletedAgent> {
    return runMutation(this.calls.delete, this.#ref(agentId), options);
  }

  /** Restores a deleted agent as it was. */
  restore(agentId: string, options: CallOptions = {}): Promise<Agent> {
    return runMutation(this.calls.restore, this.#ref(agentId), options);
  }

  #ref(agentId: string): { workspaceId: string; agentId: string } {
    return { ...this.owner, agentId };
  }
}
