import type {
  DeletedGuideline,
  ExportedGuidelines,
  Guideline,
  GuidelineEntry,
  ImportedGuidelines,
} from "../generated/schemas.ts";
import { changedFields, loadAgent } from "./agents.ts";
import type { WorkspaceCall } from "./enter.ts";
import { once } from "./once.ts";
import { byValue, compareText, pageOf } from "./page.ts";
import type { InputOf } from "./procedures.ts";
import type { Keyset } from "./server-rules.ts";

type Content = ExportedGuidelines["guidelines"][number];

export function createGuideline(call: WorkspaceCall, input: InputOf<"workspaces.guidelines.create">): Guideline {
  const { workspaceId: _, agentId, ...content } = input;
  loadAgent(call, agentId, "guideline:create");
  return once(call, "guideline.create", input, () => {
    assertRoom(call, guidelinesOf(call, agentId).length, 1);
    return { ...addGuideline(call, agentId, content), isolation: isolationOf(call) };
  });
}

export function listGuidelines(call: WorkspaceCall, input: InputOf<"workspaces.guidelines.list">) {
  const { agentId, limit, cursor, sortBy, sortOrder, enabled, criticality, tag } = input;
  loadAgent(call, agentId, "guideline:list");
  const rows = guidelinesOf(call, agentId).filter(
    (guideline) =>
      (enabled === undefined || guideline.enabled === enabled) &&
      (criticality === undefined || guideline.criticality === criticality) &&
      (tag === undefined || guideline.tags.includes(tag)),
  );
  const isByPriority = sortBy === "priority";
  return pageOf(call, rows, {
    query: { workspaceId: call.workspaceId, guidelinesOf: agentId, sortBy, sortOrder, enabled, criticality, tag },
    ...{ limit, cursor },
    kind: isByPriority ? "integer" : "text",
    keysetOf: ({ id, priority }) => ({ value: isByPriority ? String(priority) : "", id }),
    compare: isByPriority ? byPriority(sortOrder) : byValue(sortOrder),
  });
}

export function updateGuideline(call: WorkspaceCall, input: InputOf<"workspaces.guidelines.update">): Guideline {
  const { workspaceId: _, agentId, guidelineId, ...fields } = input;
  loadAgent(call, agentId, "guideline:update");
  const guideline = loadGuideline(call, agentId, guidelineId);
  const changes = changedFields(guideline, fields);
  if (Object.keys(changes).length > 0) Object.assign(guideline, changes, { updatedAt: new Date(call.state.now()) });
  return { ...guideline, isolation: isolationOf(call) };
}

export function deleteGuideline(call: WorkspaceCall, input: InputOf<"workspaces.guidelines.delete">): DeletedGuideline {
  const { agentId, guidelineId } = input;
  loadAgent(call, agentId, "guideline:delete");
  loadGuideline(call, agentId, guidelineId);
  call.tables.guidelines.delete(guidelineId);
  return { id: guidelineId, isolation: isolationOf(call) };
}

export function importGuidelines(call: WorkspaceCall, input: InputOf<"workspaces.guidelines.import">): ImportedGuidelines {
  const { agentId, mode, guidelines } = input;
  loadAgent(call, agentId, "guideline:import");
  return once(call, "guideline.import", input, () => {
    const replaced = mode === "replace" ? guidelinesOf(call, agentId) : [];
    assertRoom(call, guidelinesOf(call, agentId).length - replaced.length, guidelines.length);
    for (const { id } of replaced) call.tables.guidelines.delete(id);
    const ids = guidelines.map((content) => addGuideline(call, agentId, content).id);
    return { created: ids.length, deleted: replaced.length, ids, isolation: isolationOf(call) };
  });
}

export function exportGuidelines(call: WorkspaceCall, { agentId }: InputOf<"workspaces.guidelines.export">): ExportedGuidelines {
  loadAgent(call, agentId, "guideline:export");
  const keysetOf = ({ id, priority }: GuidelineEntry): Keyset => ({ value: String(priority), id });
  const compare = byPriority("desc");
  const sorted = guidelinesOf(call, agentId).sort((one, other) => compare(keysetOf(one), keysetOf(other)));
  return { agentId, guidelines: sorted.map(contentOf), isolation: isolationOf(call) };
}

/** By priority, and then the older one first in either direction. */
function byPriority(order: "asc" | "desc"): (one: Keyset, other: Keyset) => number {
  const sign = order === "asc" ? 1 : -1;
  return (one, other) => sign * (Number(one.value) - Number(other.value)) || compareText(one.id, other.id);
}

function addGuideline(
  { state, principal, workspaceId, tables }: WorkspaceCall,
  agentId: string,
  content: Content,
): GuidelineEntry {
  const now = new Date(state.now());
  const guideline: GuidelineEntry = {
    ...content,
    ...{ id: state.rules.newId(now.getTime()), workspaceId, agentId },
    createdBy: state.rules.actingUserId(principal),
    createdByKeyId: principal.kind === "session" ? null : principal.keyId,
    ...{ createdAt: now, updatedAt: now },
  };
  tables.guidelines.set(guideline.id, guideline);
  return { ...guideline };
}

function contentOf({ condition, action, description, criticality, enabled, priority, tags, metadata }: Content): Content {
  return { condition, action, description, criticality, enabled, priority, tags, metadata };
}

function guidelinesOf({ tables }: WorkspaceCall, agentId: string): GuidelineEntry[] {
  return [...tables.guidelines.values()].filter((guideline) => guideline.agentId === agentId);
}

function loadGuideline({ state, tables }: WorkspaceCall, agentId: string, id: string): GuidelineEntry {
  const guideline = tables.guidelines.get(id);
  if (guideline?.agentId !== agentId) throw new state.rules.AppError("NOT_FOUND", "Guideline not found");
  return guideline;
}

/** @throws CONFLICT where an agent that has so many guidelines has no room for so many more */
function assertRoom({ state }: WorkspaceCall, count: number, more: number): void {
  const { AppError, MAX_GUIDELINES: limit } = state.rules;
  if (count + more <= limit) return;
  const message = `An agent has at most ${limit} guidelines; this one has ${count}, and ${more} more were given`;
  throw new AppError("CONFLICT", message, { details: { code: "GUIDELINE_LIMIT", limit, count } });
}

function isolationOf({ workspaceId }: WorkspaceCall) {
  return { workspaceId, verified: true };
}
