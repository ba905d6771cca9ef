import type { WorkspaceContext } from "../../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor } from "../../../shared/pagination.ts";
import type { LeveledAgent } from "../agent-row.ts";
import { toGrantEntry } from "./grant-row.ts";
import type { GrantPage, ListGrantsInput } from "./schemas.ts";

/** One page of an agent's grants, those that have expired too. */
export async function listGrants(ctx: WorkspaceContext, agent: LeveledAgent, input: ListGrantsInput): Promise<GrantPage> {
  const { limit, cursor, sortOrder, sortBy } = input;
  const query = { workspaceId: ctx.workspaceId, grantsOf: agent.id, sortBy, sortOrder };
  const after = cursor === undefined ? undefined : decodeCursor(query, cursor, "text and Sim's id").id;
  const beyond = after === undefined ? {} : { userId: sortOrder === "asc" ? { gt: after } : { lt: after } };
  const rows = await ctx.db.agentGrant.findMany({
    where: { agentId: agent.id, ...beyond },
    orderBy: { userId: sortOrder },
    take: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(toGrantEntry),
    nextCursor: rows.length > limit && last ? encodeCursor(query, { value: "", id: last.userId }) : null,
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}
