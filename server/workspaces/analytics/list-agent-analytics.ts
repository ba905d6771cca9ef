import { sessionViewOf } from "../../permissions/session-access.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor } from "../../shared/pagination.ts";
import { authenticRows } from "../agents/agent-row.ts";
import { toRange } from "./range.ts";
import type { AgentAnalyticsPage, AnalyticsAgentsInput } from "./schemas.ts";
import { toTotals } from "./totals.ts";

/**
 * One page of the agents that the caller sees, each with what happened in those of its sessions that the caller sees. An
 * agent that is not authentic takes its place in the page and is not in it.
 *
 * @throws AppError BAD_REQUEST where the range is none, or the cursor is not of this list
 */
export async function listAgentAnalytics(ctx: WorkspaceContext, input: AnalyticsAgentsInput): Promise<AgentAnalyticsPage> {
  const { workspaceId, limit, cursor, sortBy, sortOrder, timezone, period, from, to } = input;
  const query = { workspaceId, agentAnalytics: true, period, from, to, timezone, sortBy, sortOrder };
  const nowMs = ctx.clock.now();
  const range = toRange(input, nowMs);
  const after = cursor === undefined ? undefined : decodeCursor(query, cursor, "integer");
  const rows = await ctx.db.analytics.agents({
    view: sessionViewOf(ctx, nowMs),
    from: range.from,
    to: range.to,
    sort: sortBy,
    order: sortOrder,
    ...(after && { after }),
    take: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const authentic = await authenticRows(ctx, page);
  return {
    workspaceId,
    analyticsPeriod: range.period,
    timezone,
    from: range.from,
    to: range.to,
    asOf: new Date(nowMs),
    exact: true,
    data: authentic.map((row) => ({ agentId: row.id, name: row.name, status: row.status, ...toTotals(row) })),
    nextCursor: rows.length > limit && last ? encodeCursor(query, { value: String(last[sortBy]), id: last.id }) : null,
    isolation: { workspaceId, verified: true },
  };
}
