import { type ActivityQuery, type ActivitySums, COUNTS, factsSql, seenSessionsSql, sumsSql } from "./activity-sql.ts";
import { grantJoin, type Parameter, reachesSql } from "./agent-level-sql.ts";
import type { SignedAgentRow } from "./level-reads.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** Sums in the buckets that begin at these moments, in order; `from` is the first of them. */
export interface BucketsQuery extends ActivityQuery {
  starts: readonly Date[];
}

/** The sums of a bucket, by its place from 1; there is none of a bucket in which nothing happened. */
export type BucketSums = ActivitySums & { bucket: number };

export function bucketSumsStatement(workspaceId: string, query: BucketsQuery): Statement {
  const { values, parameter } = parameters();
  const text = `with ${factsSql(workspaceId, query, parameter)}, ${sumsSql(bucketSql(query.starts, parameter))}
select key as bucket, ${SUMS} from summed order by key`;
  return { name: statementName(text), text, values };
}

/** The sums of two buckets, and what else there is to tell of the second. */
export interface OverviewQuery extends BucketsQuery {
  /** From when on the zone is how many minutes ahead of UTC. */
  offsets: readonly { from: Date; minutes: number }[];
  /** How many of the busiest hours. */
  hours: number;
}

export interface OverviewRow {
  sums: BucketSums[];
  agents: { active: number; inactive: number; archived: number };
  activeSessions: number;
  busiestHours: { weekday: number; hour: number; messages: number }[];
}

/** An overview of one moment: all of it by one statement. */
export function overviewStatement(workspaceId: string, query: OverviewQuery): Statement {
  const { values, parameter } = parameters();
  const { starts, offsets } = query;
  const minutes = `(${parameter(offsets.map((span) => span.minutes))}::integer[])`;
  const changes = `${parameter(offsets.map(({ from }) => from.toISOString()))}::timestamptz[]`;
  const text = `with ${factsSql(workspaceId, query, parameter)}, ${sumsSql(bucketSql(starts, parameter))},
local as (
  select happened_at at time zone 'UTC' + make_interval(mins => ${minutes}[width_bucket(happened_at, ${changes})]) as shown, messages
  from fact where messages > 0 and happened_at >= ${parameter(starts[1]?.toISOString())}::timestamptz
), busiest as (
  select extract(isodow from shown)::int as weekday, extract(hour from shown)::int as hour, sum(messages)::int as messages
  from local group by 1, 2 order by 3 desc, 1, 2 limit ${parameter(query.hours)}
), ${agentsSql(workspaceId, query, parameter)}
select coalesce((select json_agg(told) from (select key as bucket, ${SUMS} from summed order by key) told), '[]') as "sums",
  (select to_json(agents) from agents) as "agents",
  (select count(*)::int from ${seenSessionsSql(workspaceId, query, parameter)} opened where status = 'active') as "activeSessions",
  coalesce((select json_agg(busiest) from busiest), '[]') as "busiestHours"`;
  return { name: statementName(text), text, values };
}

/** What one of several workspaces comes to, so that it can be joined with what the others come to. */
export interface WorkspaceSums {
  sums: BucketSums[];
  agents: OverviewRow["agents"];
  activeSessions: number;
  /** The users whose sessions were active, by buckets. */
  users: { bucket: number; ids: string[] }[];
  /** How many responses took how long, by buckets; of 256 milliseconds and more taken down by less than a 128th. */
  latencies: { bucket: number; ms: number; count: number }[];
}

/** The upper ends of the latencies that are told to 0, 1, 2, ... binary places less. */
const POWERS = Array.from({ length: 23 }, (_, index) => 2 ** (index + 8)).join(", ");

export function workspaceSumsStatement(workspaceId: string, query: BucketsQuery): Statement {
  const { values, parameter } = parameters();
  const bucket = bucketSql(query.starts, parameter);
  const text = `with ${factsSql(workspaceId, query, parameter)}, ${sumsSql(bucket)}, ${agentsSql(workspaceId, query, parameter)},
users as (
  select ${bucket} as bucket, array_agg(distinct user_id) as ids from fact where user_id is not null group by 1
), latency as (
  select ${bucket} as bucket, ms >> width_bucket(ms, array[${POWERS}]) << width_bucket(ms, array[${POWERS}]) as ms,
    count(*)::int as count
  from fact, unnest(latencies_ms) ms group by 1, 2
)
select coalesce((select json_agg(told) from (select key as bucket, ${SUMS} from summed) told), '[]') as "sums",
  (select to_json(agents) from agents) as "agents",
  (select count(*)::int from ${seenSessionsSql(workspaceId, query, parameter)} opened where status = 'active') as "activeSessions",
  coalesce((select json_agg(users) from users), '[]') as "users", coalesce((select json_agg(latency) from latency), '[]') as "latencies"`;
  return { name: statementName(text), text, values };
}

/** How many of the agents that the caller sees have which status, as the relation agents of one row. */
function agentsSql(workspaceId: string, { view }: ActivityQuery, parameter: Parameter): string {
  return `agents as (
  select count(*) filter (where status = 'active') as active, count(*) filter (where status = 'inactive') as inactive,
    count(*) filter (where status = 'archived') as archived
  from parlant.parlant_agent ${grantJoin(workspaceId, view.levels.rule.managesAll ? null : view.levels.rule.grantee, parameter)}
  where workspace_id = ${parameter(workspaceId)} and deleted_at is null and ${reachesSql(view.levels, "view", parameter)}
)`;
}

/** Which agents to tell of, and in which order. */
export interface AgentSumsQuery extends ActivityQuery {
  sort: "messages" | "sessionsStarted" | "toolCalls";
  order: "asc" | "desc";
  /** Where the page before ended. */
  after?: { value: string; id: string };
  take: number;
}

/** An agent that the caller sees, with the sums of its sessions; of one without any all of them are 0. */
export type AgentSums = ActivitySums & SignedAgentRow & { name: string; status: "active" | "inactive" | "archived" };

export function agentSumsStatement(workspaceId: string, query: AgentSumsQuery): Statement {
  const { values, parameter } = parameters();
  const { view, sort, order, after, take } = query;
  const value = `coalesce("${sort}", 0)`;
  const beyond = after
    ? `and (${value}, id) ${order === "asc" ? ">" : "<"} (${parameter(after.value)}::integer, ${parameter(after.id)}::uuid)`
    : "";
  const text = `with ${factsSql(workspaceId, query, parameter)}, ${sumsSql("agent_id")}
select workspace_id as "workspaceId", id, created_at as "createdAt", boundary, boundary_key_version as "boundaryKeyVersion", name, status,
  ${COUNTS.map((column) => `coalesce("${column}", 0) as "${column}"`).join(", ")}, "latencyMs"
from parlant.parlant_agent ${grantJoin(workspaceId, view.levels.rule.managesAll ? null : view.levels.rule.grantee, parameter)}
left join summed on key = id
where workspace_id = ${parameter(workspaceId)} and deleted_at is null and ${reachesSql(view.levels, "view", parameter)} ${beyond}
order by ${value} ${order}, id ${order} limit ${parameter(take)}`;
  return { name: statementName(text), text, values };
}

const SUMS = [...COUNTS, "latencyMs"].map((column) => `"${column}"`).join(", ");

function bucketSql(starts: readonly Date[], parameter: Parameter): string {
  return `width_bucket(happened_at, ${parameter(starts.map((start) => start.toISOString()))}::timestamptz[])`;
}

function parameters(): { values: unknown[]; parameter: Parameter } {
  const values: unknown[] = [];
  return { values, parameter: (value) => `$${values.push(value)}` };
}
