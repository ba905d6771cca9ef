import { z } from "zod";
import { simId } from "../../shared/text.ts";
import { ActivityTotals, AnalyticsOverview, rangeInput } from "../../workspaces/analytics/schemas.ts";

export const OrganizationOverviewInput = z.strictObject({
  organizationId: simId.describe("Sim's id of the organization"),
  ...rangeInput,
});
export type OrganizationOverviewInput = z.output<typeof OrganizationOverviewInput>;

const { analyticsPeriod, timezone, from, to, asOf, generatedAt, change } = AnalyticsOverview.shape;
const { totalAgents, activeAgents, agentsByStatus, totalSessions, activeSessions, totalMessages } = AnalyticsOverview.shape;
const count = z.int();

const OrganizationTotals = ActivityTotals.extend({
  uniqueCustomers: count.describe(
    "As every workspace counts its own: an id of a customer means something in one workspace alone",
  ),
  responseLatencyMs: ActivityTotals.shape.responseLatencyMs.describe(
    "Too low by less than 1 %: latencies are joined as histograms",
  ),
});

export const OrganizationOverview = z.object({
  organizationId: z.string(),
  analyticsPeriod,
  timezone,
  from,
  to,
  asOf,
  generatedAt,
  exact: z
    .boolean()
    .describe("Whether every live workspace is in it, so that all is exact but latencies, which are so to within 1 %"),
  totalWorkspaces: count.describe("Live workspaces of the organization"),
  countedWorkspaces: count.describe(
    "Those that are in the numbers: not what the credential is not let into, nor more than 500, nor more than ten seconds are enough for",
  ),
  totalAgents,
  activeAgents,
  agentsByStatus,
  totalSessions,
  activeSessions,
  totalMessages,
  current: OrganizationTotals,
  previous: OrganizationTotals.extend({ from: z.date(), to: z.date() }),
  change,
  topConsumers: z
    .array(
      z.object({
        workspaceId: z.string(),
        name: z.string(),
        totalAgents: count,
        sessionsStarted: count,
        messages: count,
        toolCalls: count,
        growth: z.number().nullable().describe("Of its messages against the time before: 0.5 is half as much again"),
      }),
    )
    .describe("The workspaces with the most messages, at most ten"),
});
export type OrganizationOverview = z.output<typeof OrganizationOverview>;
