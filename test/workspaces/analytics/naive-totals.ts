import type { PastSession } from "./history.ts";

/** What sessions come to from one moment to another, by going through every event of theirs; nothing of the code under test is used. */
export function naiveTotals(sessions: readonly PastSession[], fromMs: number, toMs: number) {
  const isIn = (atMs: number | null) => atMs !== null && atMs >= fromMs && atMs < toMs;
  const started = sessions.filter(({ createdAtMs }) => isIn(createdAtMs));
  const active = sessions.filter((session) => isIn(session.createdAtMs) || session.events.some(({ atMs }) => isIn(atMs)));
  const completed = sessions.filter(({ status, endedAtMs }) => status === "completed" && isIn(endedAtMs)).length;
  const abandoned = sessions.filter(({ status, endedAtMs }) => status === "abandoned" && isIn(endedAtMs)).length;
  const events = sessions.flatMap((session) => session.events.filter(({ atMs }) => isIn(atMs)));
  const messages = events.filter(({ kind }) => kind === "message");
  const calls = events.reduce((sum, { toolCalls }) => sum + toolCalls, 0);
  const errors = events.reduce((sum, { toolErrors }) => sum + toolErrors, 0);
  const latencies = sessions.flatMap((session) => latenciesOf(session, isIn)).sort((one, other) => one - other);
  const percentile = (share: number) => latencies[Math.ceil(share * latencies.length) - 1] ?? null;
  return {
    sessionsStarted: started.length,
    sessionsActive: active.length,
    sessionsCompleted: completed,
    sessionsAbandoned: abandoned,
    completionRate: completed + abandoned === 0 ? null : completed / (completed + abandoned),
    messages: messages.length,
    customerMessages: messages.filter(({ source }) => isCustomer(source)).length,
    agentMessages: messages.filter(({ source }) => isAgent(source)).length,
    uniqueUsers: new Set(active.flatMap(({ userId }) => userId ?? [])).size,
    uniqueCustomers: new Set(active.map(({ customerId }) => customerId)).size,
    toolCalls: calls,
    toolErrors: errors,
    toolErrorRate: calls === 0 ? null : errors / calls,
    responses: latencies.length,
    responseLatencyMs: { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
  };
}

const isCustomer = (source: string) => source.startsWith("customer");
const isAgent = (source: string) => source.endsWith("agent");

function latenciesOf({ events }: PastSession, isIn: (atMs: number) => boolean): number[] {
  const latencies: number[] = [];
  let asked: number | null = null;
  for (const { kind, source, atMs } of events) {
    if (kind !== "message") continue;
    if (isCustomer(source)) asked = atMs;
    if (!isAgent(source)) continue;
    if (asked !== null && isIn(atMs)) latencies.push(atMs - asked);
    asked = null;
  }
  return latencies;
}

/** The hours of the zone's week with the most messages, as JavaScript's own formatting shows them. */
export function naiveHours(sessions: readonly PastSession[], timeZone: string, fromMs: number, toMs: number) {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "short", hour: "2-digit", hourCycle: "h23" });
  const counts = new Map<string, { weekday: number; hour: number; messages: number }>();
  for (const { kind, atMs } of sessions.flatMap(({ events }) => events)) {
    if (kind !== "message" || atMs < fromMs || atMs >= toMs) continue;
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    const weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].indexOf(parts["weekday"] ?? "") + 1;
    const hour = Number(parts["hour"]);
    const key = `${weekday} ${hour}`;
    counts.set(key, { weekday, hour, messages: (counts.get(key)?.messages ?? 0) + 1 });
  }
  return [...counts.values()]
    .sort((one, other) => other.messages - one.messages || one.weekday - other.weekday || one.hour - other.hour)
    .slice(0, 10);
}
