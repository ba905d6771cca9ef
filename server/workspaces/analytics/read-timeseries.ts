import { sessionViewOf } from "../../permissions/session-access.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { Interval } from "./buckets.ts";
import { type AnalyticsRange, bucketsOf, toRange } from "./range.ts";
import type { AnalyticsBucket, AnalyticsTimeseries, AnalyticsTimeseriesInput } from "./schemas.ts";
import { toTotals } from "./totals.ts";

/**
 * What happened in the sessions that the caller sees, in every bucket of the range.
 *
 * @throws AppError BAD_REQUEST where the range is none, or has too many buckets
 */
export async function readTimeseries(ctx: WorkspaceContext, input: AnalyticsTimeseriesInput): Promise<AnalyticsTimeseries> {
  const { workspaceId, interval, timezone, agentId } = input;
  const nowMs = ctx.clock.now();
  const range = toRange(input, nowMs);
  return {
    workspaceId,
    analyticsPeriod: range.period,
    interval,
    timezone,
    from: range.from,
    to: range.to,
    asOf: new Date(nowMs),
    exact: true,
    data: await readSeries(ctx, range, { interval, timezone, agentId, nowMs }),
    isolation: { workspaceId, verified: true },
  };
}

/** Every bucket of the range in order. */
export async function readSeries(
  ctx: WorkspaceContext,
  range: AnalyticsRange,
  { interval, timezone, agentId, nowMs }: { interval: Interval; timezone: string; agentId?: string | undefined; nowMs: number },
): Promise<AnalyticsBucket[]> {
  const starts = bucketsOf(range, interval, timezone).map((startMs) => new Date(startMs));
  const to = range.to;
  const query = { view: sessionViewOf(ctx, nowMs), from: range.from, to, starts, agentId };
  const sums = new Map((await ctx.db.analytics.buckets(query)).map((one) => [one.bucket, one]));
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? to, ...toTotals(sums.get(index + 1)) }));
}
