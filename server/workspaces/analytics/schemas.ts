import { z } from "zod";
import { instant } from "../../shared/instant.ts";
import { pageInput } from "../../shared/pagination.ts";
import { simId } from "../../shared/text.ts";
import { Isolation } from "../isolation-schema.ts";
import { INTERVALS } from "./buckets.ts";
import { isTimeZone } from "./time-zone.ts";

export const AnalyticsPeriod = z.enum(["7d", "30d", "90d"]);
export type AnalyticsPeriod = z.output<typeof AnalyticsPeriod>;

const interval = z.enum(INTERVALS).describe("hour, day, week (from Monday) or month, as the zone has them");
const agentId = z.uuid().toLowerCase();

/** What time the numbers are of. */
export const rangeInput = {
  period: AnalyticsPeriod.optional().describe("So many days of the zone, today's included; 30d where no range is given"),
  from: instant.optional().describe("The beginning, taken down to a quarter of an hour; not together with period"),
  to: instant.optional().describe("The end, taken up to a quarter of an hour, excluded; now unless given"),
  timezone: z
    .string()
    .min(1)
    .max(64)
    .refine(isTimeZone, "must be the name of a time zone in IANA's database, e.g. Europe/Berlin")
    .default("UTC")
    .describe("Whose days and hours: a name of IANA's, e.g. Asia/Kathmandu"),
};

const workspaceId = simId.describe("Sim's id of the workspace");
const ofAgent = agentId.optional().describe("Of this agent's sessions alone; nothing where the caller does not see it");

export const AnalyticsOverviewInput = z.strictObject({
  workspaceId,
  ...rangeInput,
  interval: interval.optional().describe("Adds the series in such steps"),
});
export type AnalyticsOverviewInput = z.output<typeof AnalyticsOverviewInput>;

export const AnalyticsTimeseriesInput = z.strictObject({
  workspaceId,
  ...rangeInput,
  interval: interval.default("day"),
  agentId: ofAgent,
});
export type AnalyticsTimeseriesInput = z.output<typeof AnalyticsTimeseriesInput>;

export const AGENT_ORDERS = ["messages", "sessionsStarted", "toolCalls"] as const;

export const AnalyticsAgentsInput = z.strictObject({
  workspaceId,
  ...rangeInput,
  ...pageInput,
  sortBy: z.enum(AGENT_ORDERS).default("messages").describe("What the list is ordered by"),
});
export type AnalyticsAgentsInput = z.output<typeof AnalyticsAgentsInput>;

const count = z.int();
const rate = z.number().nullable();

/** What happened in some time, in the sessions that the caller sees. */
export const ActivityTotals = z.object({
  sessionsStarted: count,
  sessionsActive: count.describe("Sessions that were opened or had an event"),
  sessionsCompleted: count.describe("Sessions that were completed then and still are"),
  sessionsAbandoned: count,
  completionRate: rate.describe("Of those that ended, 0 to 1; null where none did"),
  messages: count,
  customerMessages: count,
  agentMessages: count.describe("By the agent or a human in its place"),
  uniqueUsers: count.describe("Users of Sim's whose sessions were active"),
  uniqueCustomers: count.describe("Ids of customers whose sessions were active; guest is one"),
  toolCalls: count,
  toolErrors: count.describe("Calls whose result, or its metadata, has an error or error_details that is not null"),
  toolErrorRate: rate.describe("Of the tool calls, 0 to 1; null where there were none"),
  responses: count.describe("Messages of agents right behind one of a customer"),
  responseLatencyMs: z
    .object({ p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() })
    .describe("From the customer's message to the agent's; the smallest latency that so many responses do not exceed"),
});
export type ActivityTotals = z.output<typeof ActivityTotals>;

const moment = {
  timezone: z.string(),
  from: z.date().describe("The beginning, as it was used"),
  to: z.date().describe("The end, as it was used; excluded"),
  asOf: z.date().describe("All that was committed by then is in the numbers"),
  exact: z.boolean().describe("Whether every number is exact"),
};

export const AnalyticsBucket = z.object({ start: z.date(), end: z.date(), ...ActivityTotals.shape });
export type AnalyticsBucket = z.output<typeof AnalyticsBucket>;

const change = z.number().nullable().describe("Against the time before: 0.5 is half as much again; null where there was nothing");

export const AnalyticsOverview = z.object({
  workspaceId: z.string(),
  analyticsPeriod: z.enum([...AnalyticsPeriod.options, "custom"]),
  ...moment,
  generatedAt: z.date(),
  totalAgents: count.describe("Agents that the caller sees, whatever their status"),
  activeAgents: count,
  agentsByStatus: z.object({ active: count, inactive: count, archived: count }),
  totalSessions: count.describe("Sessions started; as in current"),
  activeSessions: count.describe("Sessions whose status is active now"),
  totalMessages: count.describe("As in current"),
  current: ActivityTotals,
  previous: ActivityTotals.extend({ from: z.date(), to: z.date() }).describe("As much time right before"),
  change: z.object({
    sessionsStarted: change,
    sessionsActive: change,
    messages: change,
    uniqueUsers: change,
    uniqueCustomers: change,
  }),
  busiestHours: z
    .array(
      z.object({
        weekday: z.int().describe("1 is Monday, 7 is Sunday"),
        hour: z.int().describe("Of the zone's day, 0 to 23"),
        messages: count,
      }),
    )
    .describe("Hours of the week with the most messages, at most ten"),
  series: z.array(AnalyticsBucket).nullable().describe("Null unless an interval is given"),
  isolation: Isolation,
});
export type AnalyticsOverview = z.output<typeof AnalyticsOverview>;

export const AnalyticsTimeseries = z.object({
  workspaceId: z.string(),
  analyticsPeriod: z.enum([...AnalyticsPeriod.options, "custom"]),
  interval: z.enum(INTERVALS),
  ...moment,
  data: z.array(AnalyticsBucket).describe("Every bucket in order, the empty ones too"),
  isolation: Isolation,
});
export type AnalyticsTimeseries = z.output<typeof AnalyticsTimeseries>;

export const AgentAnalytics = z.object({
  agentId: z.uuid(),
  name: z.string(),
  status: z.enum(["active", "inactive", "archived"]),
  ...ActivityTotals.shape,
});
export type AgentAnalytics = z.output<typeof AgentAnalytics>;

export const AgentAnalyticsPage = z.object({
  workspaceId: z.string(),
  analyticsPeriod: z.enum([...AnalyticsPeriod.options, "custom"]),
  ...moment,
  data: z.array(AgentAnalytics),
  nextCursor: z.string().nullable(),
  isolation: Isolation,
});
export type AgentAnalyticsPage = z.output<typeof AgentAnalyticsPage>;
