import type { AgentPageQuery, AgentRow } from "../../db/agent-page.ts";
import { levelRuleOf, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor, type Keyset } from "../../shared/pagination.ts";
import { type LeveledAgent, leveledAgents, toAgent } from "./agent-row.ts";
import type { AgentPage, ListAgentsInput } from "./schemas.ts";

const SORT_FIELDS = { createdAt: "createdAt", updatedAt: "updatedAt", name: "nameKey" } as const satisfies Record<
  ListAgentsInput["sortBy"],
  AgentPageQuery["sort"]
>;

/** One page of the workspace's agents that the caller can see, in a stable order. */
export async function listAgents(ctx: WorkspaceContext, input: ListAgentsInput): Promise<AgentPage> {
  const { limit, cursor, sortBy, sortOrder, includeArchived, ...filters } = input;
  const query = { ...filters, sortBy, sortOrder, includeArchived };
  const { workspaceId: _, ...conditions } = filters;
  // One moment for the list and for the levels in it, so that a grant that ends meanwhile is in both or in neither.
  const nowMs = ctx.clock.now();
  const pageAfter = (after: Keyset | undefined, take: number) =>
    ctx.db.agentPage({
      ...conditions,
      levels: { rule: levelRuleOf(ctx), nowMs },
      isArchivedHidden: !includeArchived && filters.status === undefined,
      sort: SORT_FIELDS[sortBy],
      order: sortOrder,
      ...(after && { after }),
      take,
    });
  // One more than the page shows whether there is another; a row that is not authentic takes no place and names no cursor.
  const agents: LeveledAgent[] = [];
  let after = cursor === undefined ? undefined : readCursor(query, sortBy, cursor);
  for (let isMore = true; isMore && agents.length <= limit; ) {
    const take = limit + 1 - agents.length;
    const rows = await pageAfter(after, take);
    agents.push(...(await leveledAgents(ctx, rows, nowMs)));
    const last = rows.at(-1);
    isMore = rows.length === take;
    after = last && keysetOf(sortBy, last);
  }
  const page = agents.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(toAgent),
    nextCursor: agents.length > limit && last ? encodeCursor(query, keysetOf(sortBy, last)) : null,
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}

function keysetOf(sortBy: ListAgentsInput["sortBy"], row: AgentRow): Keyset {
  const value = row[SORT_FIELDS[sortBy]];
  return { value: value instanceof Date ? value.toISOString() : value, id: row.id };
}

function readCursor(query: unknown, sortBy: ListAgentsInput["sortBy"], cursor: string): Keyset {
  return decodeCursor(query, cursor, sortBy === "name" ? "text" : "time");
}
