import { type CallOptions, runMutation } from "./call.ts";
import type { WorkspacesAgentsGrantsCalls } from "./generated/calls.ts";
import type { Grant, GrantEntry, GrantPage, ListGrantsInput, RemovedGrant, SetGrantInput } from "./generated/schemas.ts";
import { listPages, type PageRequest } from "./page-request.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";

export type NewGrant = Omit<SetGrantInput, "workspaceId" | "agentId" | "userId">;
export type GrantFilters = Omit<ListGrantsInput, "workspaceId" | "agentId">;

/** Who has which level on one workspace's agents beside what permissions give. */
export class Grants
  extends Resource<WorkspacesAgentsGrantsCalls, OfWorkspace>
  implements MethodsFor<WorkspacesAgentsGrantsCalls>
{
  /** The grants on an agent: awaited, one page; iterated, all of them. */
  list(agentId: string, filters: GrantFilters = {}, options: CallOptions = {}): PageRequest<GrantEntry, GrantPage> {
    return listPages(this.calls.list, { ...filters, ...this.owner, agentId }, options);
  }

  /** Gives a user a level on an agent, in the place of the one given before. */
  set(agentId: string, userId: string, grant: NewGrant, options: CallOptions = {}): Promise<Grant> {
    const input = { ...grant, ...this.owner, agentId, userId };
    return runMutation(this.calls.set, input, options);
  }

  /** Takes a user's grant on an agent away. */
  remove(agentId: string, userId: string, options: CallOptions = {}): Promise<RemovedGrant> {
    const input = { ...this.owner, agentId, userId };
    return runMutation(this.calls.remove, input, options);
  }
}
