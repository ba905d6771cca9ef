import { type CallOptions, runQuery } from "./call.ts";
import type { WorkspacesAnalyticsCalls } from "./generated/calls.ts";
import type {
  AgentAnalytics,
  AgentAnalyticsPage,
  AnalyticsAgentsInput,
  AnalyticsOverview,
  AnalyticsOverviewInput,
  AnalyticsTimeseries,
  AnalyticsTimeseriesInput,
} from "./generated/schemas.ts";
import { listPages, type PageRequest } from "./page-request.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";

export type OverviewOptions = Omit<AnalyticsOverviewInput, "workspaceId">;
export type TimeseriesOptions = Omit<AnalyticsTimeseriesInput, "workspaceId">;
export type AgentAnalyticsFilters = Omit<AnalyticsAgentsInput, "workspaceId">;

/** What one workspace comes to, as the caller sees it. */
export class WorkspaceAnalytics
  extends Resource<WorkspacesAnalyticsCalls, OfWorkspace>
  implements MethodsFor<WorkspacesAnalyticsCalls>
{
  /** Agents, sessions, messages, people, latencies and tools of the range, beside as much time before; the last 30 days unless given. */
  overview(of: OverviewOptions = {}, options: CallOptions = {}): Promise<AnalyticsOverview> {
    return runQuery(this.calls.overview, { ...of, ...this.owner }, options);
  }

  /** The same numbers for each hour, day, week or month of a time zone. */
  timeseries(of: TimeseriesOptions = {}, options: CallOptions = {}): Promise<AnalyticsTimeseries> {
    return runQuery(this.calls.timeseries, { ...of, ...this.owner }, options);
  }

  /** The same numbers for each agent that the caller sees: awaited, one page; iterated, all of them. */
  agents(filters: AgentAnalyticsFilters = {}, options: CallOptions = {}): PageRequest<AgentAnalytics, AgentAnalyticsPage> {
    return listPages(this.calls.agents, { ...filters, ...this.owner }, options);
  }
}
