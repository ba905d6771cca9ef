import type { ActivityTotals, AnalyticsOverview } from "../../generated/schemas.ts";
import type { Command, CommandContext } from "../command.ts";
import { UsageError } from "../exit-codes.ts";
import type { FlagKind } from "../flags.ts";
import { printList } from "../print-list.ts";
import { sparkline } from "../sparkline.ts";
import { toPairs, toTable } from "../table.ts";

const RANGE: Readonly<Record<string, FlagKind>> = { period: "text", from: "text", to: "text", timezone: "text" };
const RANGE_USAGE = "[--period 7d|30d|90d | --from <time> --to <time>] [--timezone <zone>]";

const overview: Command = {
  usage: `${RANGE_USAGE} [--interval hour|day|week|month]`,
  summary: "What the workspace comes to, beside as much time before, and how it went; the last 30 days unless given",
  flags: { ...RANGE, interval: "text" },
  takes: { min: 0, max: 0 },
  async run(context) {
    const { settings, output, signal, flags } = context;
    const interval = flags.choice("interval", ["day", "hour", "week", "month"]) ?? "day";
    const found = await settings.workspace().analytics.overview({ ...rangeOf(context), interval }, { signal });
    await output.value(found, () => toText(found, interval));
    return undefined;
  },
};

const agents: Command = {
  usage: `${RANGE_USAGE} [--sort messages|sessionsStarted|toolCalls] [--limit <n>]`,
  summary: "The same numbers for each agent that the caller sees, the busiest first",
  flags: { ...RANGE, sort: "text", limit: "text" },
  takes: { min: 0, max: 0 },
  async run(context) {
    const { settings, signal, flags } = context;
    const sortBy = flags.choice("sort", ["messages", "sessionsStarted", "toolCalls"]) ?? "messages";
    await printList(context, settings.workspace().analytics.agents({ ...rangeOf(context), sortBy }, { signal }), {
      heads: ["agent", "name", "status", "sessions", "messages", "users", "tool calls", "p95 ms"],
      row: (one) => [
        ...[one.agentId, one.name, one.status, one.sessionsStarted, one.messages, one.uniqueUsers, one.toolCalls],
        one.responseLatencyMs.p95,
      ],
    });
    return undefined;
  },
};

export const analytics = { overview, agents } satisfies Record<string, Command>;

function rangeOf({ flags }: CommandContext) {
  const period = flags.choice("period", ["7d", "30d", "90d"]);
  const [from, to] = [flags.time("from"), flags.time("to")];
  if (period !== undefined && from !== undefined) throw new UsageError("Give --period, or --from and --to");
  return { period, from, to, timezone: flags.text("timezone") };
}

function toText(found: AnalyticsOverview, interval: string): string {
  const { current, previous, series } = found;
  const rows = COUNTS.map(([name, count]) => [name, count(current), count(previous), series ? sparkline(series.map(count)) : ""]);
  const { p50, p95, p99 } = current.responseLatencyMs;
  return [
    toPairs([
      ["range", `${found.from.toISOString()} to ${found.to.toISOString()}, ${found.timezone}`],
      ["agents", `${found.totalAgents}, ${found.activeAgents} active`],
      ["sessions", `${found.activeSessions} active now`],
      ["completion", percent(current.completionRate)],
      ["tool errors", percent(current.toolErrorRate)],
      ["response", p50 === null ? null : `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms`],
      ["as of", `${found.asOf.toISOString()}${found.exact ? "" : ", not exact"}`],
    ]),
    toTable(["what", "now", "before", `by ${interval}`], rows),
  ].join("\n\n");
}

type Counted = Pick<
  ActivityTotals,
  "sessionsStarted" | "sessionsActive" | "messages" | "uniqueUsers" | "uniqueCustomers" | "toolCalls"
>;

const COUNTS: readonly (readonly [string, (of: Counted) => number])[] = [
  ["sessions started", (of) => of.sessionsStarted],
  ["sessions active", (of) => of.sessionsActive],
  ["messages", (of) => of.messages],
  ["users", (of) => of.uniqueUsers],
  ["customers", (of) => of.uniqueCustomers],
  ["tool calls", (of) => of.toolCalls],
];

function percent(share: number | null): string | null {
  return share === null ? null : `${(share * 100).toFixed(1)} %`;
}
