import { type CallOptions, invoke } from "./call.ts";
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
import { PageRequest } from "./page-request.ts";
import type { MethodsFor } from "./resource.ts";

export type OverviewOptions = Omit<AnalyticsOverviewInput, "workspaceId">;
export type TimeseriesOptions = Omit<AnalyticsTimeseriesInput, "workspaceId">;
export type AgentAnalyticsFilters = Omit<AnalyticsAgentsInput, "workspaceId">;

/** What one workspace comes to, as the caller sees it. */
export class WorkspaceAnalytics implements MethodsFor<WorkspacesAnalyticsCalls> {
  readonly #calls: WorkspacesAnalyticsCalls;
  readonly #workspaceId: string;

  constructor(calls: WorkspacesAnalyticsCalls, workspaceId: string) {
    this.#calls = calls;
    this.#workspaceId = workspaceId;
  }

  /** Agents, sessions, messages, people, latencies and tools of the range, beside as much time before; the last 30 days unless given. */
  overview(of: OverviewOptions = {}, options: CallOptions = {}): Promise<AnalyticsOverview> {
    return invoke(options, (call) => this.#calls.overview.query({ ...of, workspaceId: this.#workspaceId }, call));
  }

  /** The same numbers for each hour, day, week or month of a time zone. */
  timeseries(of: TimeseriesOptions = {}, options: CallOptions = {}): Promise<AnalyticsTimeseries> {
    return invoke(options, (call) => this.#calls.timeseries.query({ ...of, workspaceId: this.#workspaceId }, call));
  }

  /** The same numbers for each agent that the caller sees: awaited, one page; iterated, all of them. */
  agents(filters: AgentAnalyticsFilters = {}, options: CallOptions = {}): PageRequest<AgentAnalytics, AgentAnalyticsPage> {
    return new PageRequest((cursor) => {
      const input = { ...filters, cursor, workspaceId: this.#workspaceId };
      return invoke(options, (call) => this.#calls.agents.query(input, call));
    }, filters.cursor);
  }
}
