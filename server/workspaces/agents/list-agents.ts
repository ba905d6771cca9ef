import type { AgentPageQuery, AgentRow } from "../../db/agent-page.ts";
import { sessionViewOf } from "../../permissions/session-access.ts";
import { onceOnly, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor, type Keyset } from "../../shared/pagination.ts";
import { type LeveledAgent, leveledAgents, toAgent } from "./agent-row.ts";
import type { AgentPage, ListAgentsInput } from "./schemas.ts";

const SORT_FIELDS = { createdAt: "createdAt", updatedAt: "updatedAt", name: "nameKey" } as const satisfies Record<
  ListAgentsInput["sortBy"],
  AgentPageQuery["sort"]
>;

/** How often a page is read on past rows that are not authentic, and how many rows at least each time after the first. */
const MAX_ROUNDS = 5;
const LATER_STEP = 100;

/**
 * One page of the workspace's agents that the caller can see, in a stable order. Where too many rows in a row are not
 * authentic it ends before them: such rows are for the operator to mend, and no call goes through any number of them.
 */
export async function listAgents(ctx: WorkspaceContext, input: ListAgentsInput): Promise<AgentPage> {
  const { limit, cursor, sortBy, sortOrder, includeArchived, ...filters } = input;
  const query = { ...filters, sortBy, sortOrder, includeArchived };
  const { workspaceId: _, ...conditions } = filters;
  // One moment for the list and for the levels in it, so that a grant that ends meanwhile is in both or in neither.
  const nowMs = ctx.clock.now();
  const pageAfter = (after: Keyset | undefined, take: number) =>
    ctx.db.agentPage({
      ...conditions,
      view: sessionViewOf(ctx, nowMs),
      isArchivedHidden: !includeArchived && filters.status === undefined,
      sort: SORT_FIELDS[sortBy],
      order: sortOrder,
      ...(after && { after }),
      take,
    });
  // One more than the page shows whether there is another; a row that is not authentic takes no place and names no cursor.
  const agents: LeveledAgent[] = [];
  const reader = { ...ctx, renewKeys: onceOnly(ctx.renewKeys) };
  let after = cursor === undefined ? undefined : readCursor(query, sortBy, cursor);
  let isMore = true;
  for (let round = 1; isMore && agents.length <= limit && round <= MAX_ROUNDS; round++) {
    // What had to be read again is read in steps that do not shrink with what is missing from the page.
    const take = round === 1 ? limit + 1 : Math.max(limit + 1, LATER_STEP);
    const rows = await pageAfter(after, take);
    agents.push(...(await leveledAgents(reader, rows, nowMs)));
    const last = rows.at(-1);
    isMore = rows.length === take;
    after = last && keysetOf(sortBy, last);
  }
  const isCutShort = isMore && agents.length <= limit;
  if (isCutShort) {
    const { workspaceId } = ctx;
    ctx.log.error({ workspaceId, shown: agents.length }, "a list of agents ends early: too many rows of it are not authentic");
  }
  const page = agents.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(toAgent),
    nextCursor: (agents.length > limit || isCutShort) && last ? encodeCursor(query, keysetOf(sortBy, last)) : null,
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
