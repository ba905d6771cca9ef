import { type CallOptions, type CreateOptions, invoke } from "./call.ts";
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
import { newIdempotencyKey } from "./idempotency-key.ts";
import { PageRequest } from "./page-request.ts";
import type { MethodsFor } from "./resource.ts";

export type NewGuideline = Omit<CreateGuidelineInput, "workspaceId" | "agentId">;
export type GuidelineChanges = Omit<UpdateGuidelineInput, "workspaceId" | "agentId" | "guidelineId">;
export type GuidelineFilters = Omit<ListGuidelinesInput, "workspaceId" | "agentId">;
export type GuidelineImport = Omit<ImportGuidelinesInput, "workspaceId" | "agentId">;

/** What one workspace's agents are to do, and when. */
export class Guidelines implements MethodsFor<WorkspacesGuidelinesCalls> {
  readonly #calls: WorkspacesGuidelinesCalls;
  readonly #workspaceId: string;

  constructor(calls: WorkspacesGuidelinesCalls, workspaceId: string) {
    this.#calls = calls;
    this.#workspaceId = workspaceId;
  }

  /** Gives an agent a guideline; repeated safely under an idempotency key, the call's own unless one is given. */
  create(agentId: string, guideline: NewGuideline, options: CreateOptions = {}): Promise<Guideline> {
    const input = { ...guideline, ...this.#agent(agentId) };
    return invoke(keyed(options), (call) => this.#calls.create.mutate(input, call));
  }

  /** An agent's guidelines, the highest priority first: awaited, one page; iterated, all of them. */
  list(agentId: string, filters: GuidelineFilters = {}, options: CallOptions = {}): PageRequest<GuidelineEntry, GuidelinePage> {
    return new PageRequest((cursor) => {
      const input = { ...filters, cursor, ...this.#agent(agentId) };
      return invoke(options, (call) => this.#calls.list.query(input, call));
    }, filters.cursor);
  }

  /** Changes the given fields; null clears one, an absent one stays. */
  update(agentId: string, guidelineId: string, changes: GuidelineChanges, options: CallOptions = {}): Promise<Guideline> {
    const input = { ...changes, ...this.#agent(agentId), guidelineId };
    return invoke(options, (call) => this.#calls.update.mutate(input, call));
  }

  /** Deletes a guideline for good. */
  delete(agentId: string, guidelineId: string, options: CallOptions = {}): Promise<DeletedGuideline> {
    return invoke(options, (call) => this.#calls.delete.mutate({ ...this.#agent(agentId), guidelineId }, call));
  }

  /** Gives an agent many guidelines at once, all or none; repeated safely under an idempotency key. */
  import(agentId: string, guidelines: GuidelineImport, options: CreateOptions = {}): Promise<ImportedGuidelines> {
    return invoke(keyed(options), (call) => this.#calls.import.mutate({ ...guidelines, ...this.#agent(agentId) }, call));
  }

  /** All of an agent's guidelines, as an import takes them. */
  export(agentId: string, options: CallOptions = {}): Promise<ExportedGuidelines> {
    return invoke(options, (call) => this.#calls.export.query(this.#agent(agentId), call));
  }

  #agent(agentId: string): { workspaceId: string; agentId: string } {
    return { workspaceId: this.#workspaceId, agentId };
  }
}

function keyed(options: CreateOptions): CreateOptions {
  return { ...options, idempotencyKey: options.idempotencyKey ?? newIdempotencyKey() };
}
