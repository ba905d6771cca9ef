import { sessionViewOf } from "../../permissions/session-access.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { toRange } from "./range.ts";
import { readSeries } from "./read-timeseries.ts";
import type { AnalyticsOverview, AnalyticsOverviewInput } from "./schemas.ts";
import { offsetSpans } from "./time-zone.ts";
import { changeBetween, toTotals } from "./totals.ts";

const BUSIEST_HOURS = 10;

/**
 * What the workspace comes to for this caller: agents, and sessions in the range and in as much time before it. What the
 * caller does not see is in no number.
 *
 * @throws AppError BAD_REQUEST where the range is none, or has too many buckets
 */
export async function readOverview(ctx: WorkspaceContext, input: AnalyticsOverviewInput): Promise<AnalyticsOverview> {
  const { workspaceId, timezone, interval } = input;
  const nowMs = ctx.clock.now();
  const range = toRange(input, nowMs);
  const { previousFrom, from, to } = range;
  const series = interval === undefined ? null : await readSeries(ctx, range, { interval, timezone, nowMs });
  const { sums, agents, activeSessions, busiestHours } = await ctx.db.analytics.overview({
    view: sessionViewOf(ctx, nowMs),
    from: previousFrom,
    to,
    starts: [previousFrom, from],
    offsets: offsetSpans(timezone, from.getTime(), to.getTime()).map(({ fromMs, offsetMinutes }) => ({
      from: new Date(fromMs),
      minutes: offsetMinutes,
    })),
    hours: BUSIEST_HOURS,
  });
  const [previous, current] = [1, 2].map((place) => toTotals(sums.find(({ bucket }) => bucket === place))) as [
    ReturnType<typeof toTotals>,
    ReturnType<typeof toTotals>,
  ];
  return {
    workspaceId,
    analyticsPeriod: range.period,
    timezone,
    from,
    to,
    asOf: new Date(nowMs),
    exact: true,
    generatedAt: new Date(nowMs),
    totalAgents: agents.active + agents.inactive + agents.archived,
    activeAgents: agents.active,
    agentsByStatus: agents,
    totalSessions: current.sessionsStarted,
    activeSessions,
    totalMessages: current.messages,
    current,
    previous: { ...previous, from: previousFrom, to: from },
    change: changeBetween(previous, current),
    busiestHours,
    series,
    isolation: { workspaceId, verified: true },
  };
}
