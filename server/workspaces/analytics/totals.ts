import type { ActivitySums } from "../../db/activity-sql.ts";
import type { ActivityTotals, AnalyticsOverview } from "./schemas.ts";

/** What is compared with the time before. */
const COMPARED = ["sessionsStarted", "sessionsActive", "messages", "uniqueUsers", "uniqueCustomers"] as const;

/** The sums as they are told, those of nothing where there are none. */
export function toTotals(sums: ActivitySums | undefined): ActivityTotals {
  const { sessionsCompleted, sessionsAbandoned, toolCalls, toolErrors, latencyMs } = sums ?? NOTHING;
  const [p50 = null, p95 = null, p99 = null] = latencyMs ?? [];
  const { sessionsStarted, sessionsActive, messages, customerMessages, agentMessages, uniqueUsers, uniqueCustomers, responses } =
    sums ?? NOTHING;
  return {
    sessionsStarted,
    sessionsActive,
    sessionsCompleted,
    sessionsAbandoned,
    completionRate: ratio(sessionsCompleted, sessionsCompleted + sessionsAbandoned),
    messages,
    customerMessages,
    agentMessages,
    uniqueUsers,
    uniqueCustomers,
    toolCalls,
    toolErrors,
    toolErrorRate: ratio(toolErrors, toolCalls),
    responses,
    responseLatencyMs: { p50, p95, p99 },
  };
}

/** By how much each of the compared numbers has changed, as a part of what it was. */
export function changeBetween(previous: ActivityTotals, current: ActivityTotals): AnalyticsOverview["change"] {
  const changeOf = (field: (typeof COMPARED)[number]) => ratio(current[field] - previous[field], previous[field]);
  return Object.fromEntries(COMPARED.map((field) => [field, changeOf(field)])) as AnalyticsOverview["change"];
}

/** Null where there is nothing to compare with. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

const NOTHING: ActivitySums = {
  sessionsStarted: 0,
  sessionsActive: 0,
  sessionsCompleted: 0,
  sessionsAbandoned: 0,
  messages: 0,
  customerMessages: 0,
  agentMessages: 0,
  uniqueUsers: 0,
  uniqueCustomers: 0,
  toolCalls: 0,
  toolErrors: 0,
  responses: 0,
  latencyMs: null,
};
