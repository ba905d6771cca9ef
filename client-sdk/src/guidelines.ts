import { type CallOptions, type CreateOptions, runMutation, runQuery } from "./call.ts";
import type { WorkspacesGuidelinesCalls } from "./generated/calls.ts";
import type {
  CreateGuidelineInput,
  DeletedGuideline,
  ExportedGuidelines,
  Guideline,
  GuidelineEntry,
  GuidelinePage,
  ImportedGuidelines,
  ImportGuidelinesInput,
  ListGuidelinesInput,
  UpdateGuidelineInput,
} from "./generated/schemas.ts";
import { keyed } from "./idempotency-key.ts";
import { listPages, type PageRequest } from "./page-request.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";

export type NewGuideline = Omit<CreateGuidelineInput, "workspaceId" | "agentId">;
export type GuidelineChanges = Omit<UpdateGuidelineInput, "workspaceId" | "agentId" | "guidelineId">;
export type GuidelineFilters = Omit<ListGuidelinesInput, "workspaceId" | "agentId">;
export type GuidelineImport = Omit<ImportGuidelinesInput, "workspaceId" | "agentId">;

/** What one workspace's agents are to do, and when. */
export class Guidelines
  extends Resource<WorkspacesGuidelinesCalls, OfWorkspace>
  implements MethodsFor<WorkspacesGuidelinesCalls>
{
  /** Gives an agent a guideline; repeated safely under an idempotency key, the call's own unless one is given. */
  create(agentId: string, guideline: NewGuideline, options: CreateOptions = {}): Promise<Guideline> {
    const input = { ...guideline, ...this.#agent(agentId) };
    return runMutation(this.calls.create, input, keyed(options));
  }

  /** An agent's guidelines, the highest priority first: awaited, one page; iterated, all of them. */
  list(agentId: string, filters: GuidelineFilters = {}, options: CallOptions = {}): PageRequest<GuidelineEntry, GuidelinePage> {
    return listPages(this.calls.list, { ...filters, ...this.#agent(agentId) }, options);
  }

  /** Changes the given fields; null clears one, an absent one stays. */
  update(agentId: string, guidelineId: string, changes: GuidelineChanges, options: CallOptions = {}): Promise<Guideline> {
    const input = { ...changes, ...this.#agent(agentId), guidelineId };
    return runMutation(this.calls.update, input, options);
  }

  /** Deletes a guideline for good. */
  delete(agentId: string, guidelineId: string, options: CallOptions = {}): Promise<DeletedGuideline> {
    return runMutation(this.calls.delete, { ...this.#agent(agentId), guidelineId }, options);
  }

  /** Gives an agent many guidelines at once, all or none; repeated safely under an idempotency key. */
  import(agentId: string, guidelines: GuidelineImport, options: CreateOptions = {}): Promise<ImportedGuidelines> {
    return runMutation(this.calls.import, { ...guidelines, ...this.#agent(agentId) }, keyed(options));
  }

  /** All of an agent's guidelines, as an import takes them. */
  export(agentId: string, options: CallOptions = {}): Promise<ExportedGuidelines> {
    return runQuery(this.calls.export, this.#agent(agentId), options);
  }

  #agent(agentId: string): { workspaceId: string; agentId: string } {
    return { ...this.owner, agentId };
  }
}
