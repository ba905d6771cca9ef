import { type CallOptions, type CreateOptions, invoke } from "./call.ts";
import type { WorkspacesAgentsCalls } from "./generated/calls.ts";
import type { Agent, AgentPage, CreateAgentInput, DeletedAgent, ListAgentsInput, UpdateAgentInput } from "./generated/schemas.ts";
import { Grants } from "./grants.ts";
import { newIdempotencyKey } from "./idempotency-key.ts";
import { PageRequest } from "./page-request.ts";
import type { MethodsFor } from "./resource.ts";

export type NewAgent = Omit<CreateAgentInput, "workspaceId">;
export type AgentChanges = Omit<UpdateAgentInput, "workspaceId" | "agentId">;
export type AgentFilters = Omit<ListAgentsInput, "workspaceId">;

/** The agents of one workspace. */
export class Agents implements MethodsFor<WorkspacesAgentsCalls> {
  readonly grants: Grants;
  readonly #calls: WorkspacesAgentsCalls;
  readonly #workspaceId: string;

  constructor(calls: WorkspacesAgentsCalls, workspaceId: string) {
    this.grants = new Grants(calls.grants, workspaceId);
    this.#calls = calls;
    this.#workspaceId = workspaceId;
  }

  /** Creates an agent; repeated safely under an idempotency key, the call's own unless one is given. */
  create(agent: NewAgent, options: CreateOptions = {}): Promise<Agent> {
    const input = { ...agent, workspaceId: this.#workspaceId };
    const keyed = { ...options, idempotencyKey: options.idempotencyKey ?? newIdempotencyKey() };
    return invoke(keyed, (call) => this.#calls.create.mutate(input, call));
  }

  /** The agents that the caller can see: awaited, one page; iterated, all of them. */
  list(filters: AgentFilters = {}, options: CallOptions = {}): PageRequest<Agent, AgentPage> {
    return new PageRequest((cursor) => {
      const input = { ...filters, cursor, workspaceId: this.#workspaceId };
      return invoke(options, (call) => this.#calls.list.query(input, call));
    }, filters.cursor);
  }

  /** One agent. */
  get(agentId: string, options: CallOptions = {}): Promise<Agent> {
    return invoke(options, (call) => this.#calls.get.query(this.#ref(agentId), call));
  }

  /** Changes the given fields; null clears one, an absent one stays. With `version`, only if the agent is still at it. */
  update(agentId: string, changes: AgentChanges, options: CallOptions = {}): Promise<Agent> {
    return invoke(options, (call) => this.#calls.update.mutate({ ...changes, ...this.#ref(agentId) }, call));
  }

  /** Deletes an agent; until it is purged, restore brings it back. */
  delete(agentId: string, options: CallOptions = {}): Promise<DeletedAgent> {
    return invoke(options, (call) => this.#calls.delete.mutate(this.#ref(agentId), call));
  }

  /** Restores a deleted agent as it was. */
  restore(agentId: string, options: CallOptions = {}): Promise<Agent> {
    return invoke(options, (call) => this.#calls.restore.mutate(this.#ref(agentId), call));
  }

  #ref(agentId: string): { workspaceId: string; agentId: string } {
    return { workspaceId: this.#workspaceId, agentId };
  }
}
