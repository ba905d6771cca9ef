import { workspaceProcedure } from "../../trpc/procedures.ts";
import { listAgentAnalytics } from "./list-agent-analytics.ts";
import { readOverview } from "./read-overview.ts";
import { readTimeseries } from "./read-timeseries.ts";
import {
  AgentAnalyticsPage,
  AnalyticsAgentsInput,
  AnalyticsOverview,
  AnalyticsOverviewInput,
  AnalyticsTimeseries,
  AnalyticsTimeseriesInput,
} from "./schemas.ts";

export const analyticsRouter = {
  overview: workspaceProcedure(
    "analytics:read",
    "Sums up what the caller sees of the workspace, and compares it with the time before.",
  )
    .input(AnalyticsOverviewInput)
    .output(AnalyticsOverview)
    .query(({ ctx, input }) => readOverview(ctx, input)),

  timeseries: workspaceProcedure(
    "analytics:read",
    "Returns what happened in each hour, day, week or month, as the caller sees it.",
  )
    .input(AnalyticsTimeseriesInput)
    .output(AnalyticsTimeseries)
    .query(({ ctx, input }) => readTimeseries(ctx, input)),

  agents: workspaceProcedure("analytics:read", "Lists the agents that the caller sees with what happened in their sessions.")
    .input(AnalyticsAgentsInput)
    .output(AgentAnalyticsPage)
    .query(({ ctx, input }) => listAgentAnalytics(ctx, input)),
};
