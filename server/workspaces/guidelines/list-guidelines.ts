import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor, type Keyset } from "../../shared/pagination.ts";
import type { LeveledAgent } from "../agents/agent-row.ts";
import { type GuidelineRow, toGuidelineEntry } from "./guideline-row.ts";
import type { GuidelinePage, ListGuidelinesInput } from "./schemas.ts";

/** One page of an agent's guidelines, in a stable order. */
export async function listGuidelines(
  ctx: WorkspaceContext,
  agent: LeveledAgent,
  input: ListGuidelinesInput,
): Promise<GuidelinePage> {
  const { limit, cursor, sortBy, sortOrder, enabled, criticality, tag } = input;
  const query = { workspaceId: ctx.workspaceId, guidelinesOf: agent.id, sortBy, sortOrder, enabled, criticality, tag };
  const after = cursor === undefined ? undefined : decodeCursor(query, cursor, sortBy === "priority" ? "integer" : "text");
  const rows = await ctx.db.guideline.findMany({
    where: {
      agentId: agent.id,
      ...(enabled !== undefined && { enabled }),
      ...(criticality && { criticality }),
      ...(tag !== undefined && { tags: { has: tag } }),
      ...(after && (sortBy === "priority" ? beyondPriority(after, sortOrder) : { id: beyond(after.id, sortOrder) })),
    },
    // An id begins with the time at which it was made.
    orderBy: sortBy === "priority" ? [{ priority: sortOrder }, { id: "asc" }] : [{ id: sortOrder }],
    take: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(toGuidelineEntry),
    nextCursor: rows.length > limit && last ? encodeCursor(query, keysetOf(sortBy, last)) : null,
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}

function keysetOf(sortBy: ListGuidelinesInput["sortBy"], { id, priority }: GuidelineRow): Keyset {
  return { value: sortBy === "priority" ? String(priority) : "", id };
}

function beyond<Value>(value: Value, order: ListGuidelinesInput["sortOrder"]): { gt: Value } | { lt: Value } {
  return order === "asc" ? { gt: value } : { lt: value };
}

function beyondPriority({ value, id }: Keyset, order: ListGuidelinesInput["sortOrder"]) {
  const priority = Number(value);
  return { OR: [{ priority: beyond(priority, order) }, { priority, id: { gt: id } }] };
}
