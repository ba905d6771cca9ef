import type { Parameter } from "./agent-level-sql.ts";
import type { SessionView } from "./session-opener.ts";
import { leveledAgentsSql, seesSessionSql } from "./session-view.ts";

/** What of a workspace is added up: what this caller sees of it, in this time. */
export interface ActivityQuery {
  view: SessionView;
  from: Date;
  /** Excluded. */
  to: Date;
  /** This agent alone. */
  agentId?: string | undefined;
}

/** The workspace's sessions that the caller sees, as a table expression; conditions on it reach the session's indexes. */
export function seenSessionsSql(
  workspaceId: string,
  { view, agentId }: Pick<ActivityQuery, "view" | "agentId">,
  parameter: Parameter,
) {
  const ofAgent = agentId === undefined ? "" : `and agent_id = ${parameter(agentId)}::uuid`;
  return `(select id as session_id, agent_id, user_id, customer_id, status, created_at, ended_at, last_activity_at, event_count
  from parlant.parlant_session join ${leveledAgentsSql(workspaceId, view, parameter)} on leveled_agent_id = agent_id
  where workspace_id = ${parameter(workspaceId)} ${ofAgent} and ${seesSessionSql(view, parameter)})`;
}

const IS_CUSTOMERS = "kind = 'message' and source in ('customer', 'customer_ui')";
const IS_AGENTS = "kind = 'message' and source in ('ai_agent', 'human_agent', 'human_agent_on_behalf_of_ai_agent')";
const FAILED_CALLS =
  "$.tool_calls[*] ? (@.result.error != null || @.result.error_details != null || @.result.metadata.error != null || @.result.metadata.error_details != null)";

/** What numbers of events are kept as, beside the session and the quarter of an hour. */
export const QUARTER_COLUMNS = "messages, customer_messages, agent_messages, tool_calls, tool_errors, latencies_ms";

/** The events of sessions as they come to in each quarter of an hour: the relation counted, of a relation with session_id. */
export function countedSql(sessions: string, workspace: string): string {
  return `said as (
  select session_id, event.created_at, kind, ${IS_CUSTOMERS} as is_customers, ${IS_AGENTS} as is_agents,
    case when kind = 'tool' then data end as tool_data, "offset"
  from ${sessions} join parlant.parlant_event event using (session_id) where event.workspace_id = ${workspace}
), followed as (
  select *, case when is_agents and lag(is_customers) over of_session then created_at - lag(created_at) over of_session end as latency
  from said window of_session as (partition by session_id, is_customers or is_agents order by "offset")
), counted as (
  select session_id, floor(extract(epoch from created_at) / 900)::integer as quarter,
    count(*) filter (where kind = 'message')::integer as messages, count(*) filter (where is_customers)::integer as customer_messages,
    count(*) filter (where is_agents)::integer as agent_messages,
    coalesce(sum(jsonb_array_length(jsonb_path_query_array(tool_data, '$.tool_calls[*]'))), 0)::integer as tool_calls,
    coalesce(sum(jsonb_array_length(jsonb_path_query_array(tool_data, '${FAILED_CALLS}'))), 0)::integer as tool_errors,
    coalesce(array_agg(least(round(extract(epoch from latency) * 1000), 2147483647)::integer) filter (where latency is not null), '{}') as latencies_ms
  from followed group by 1, 2
)`;
}

/**
 * Whether the numbers of a session of seen are settled. Counted and not joined, and below looked up for each session by
 * itself: of joins PostgreSQL takes ones that a wrong guess at how many sessions are settled makes slow without bounds.
 */
export function isSettledSql(workspace: string): string {
  return `(select count(*) from parlant.parlant_session_activity kept
    where kept.workspace_id = ${workspace} and kept.session_id = seen.session_id and kept.event_count = seen.event_count) > 0`;
}

/**
 * What came of the sessions that the caller sees, as the relation fact: for each session and quarter of an hour what its
 * events come to, and the moments at which it was opened and ended. Events are read of the sessions alone whose numbers
 * are not settled, so that what is told is exact at any moment.
 */
export function factsSql(workspaceId: string, query: ActivityQuery, parameter: Parameter): string {
  const from = `${parameter(query.from.toISOString())}::timestamptz`;
  const to = `${parameter(query.to.toISOString())}::timestamptz`;
  const [fromQuarter, toQuarter] = [query.from, query.to].map(
    (at) => `${parameter(Math.floor(at.getTime() / QUARTER_MS))}::integer`,
  );
  const workspace = parameter(workspaceId);
  return `seen as not materialized ${seenSessionsSql(workspaceId, query, parameter)},
unsettled as (
  select session_id, agent_id, user_id, customer_id from seen
  where seen.last_activity_at >= ${from} and seen.created_at < ${to} and event_count > 0 and not (${isSettledSql(workspace)})
), ${countedSql("unsettled", workspace)}, fact as materialized (
  select session_id, agent_id, user_id, customer_id, to_timestamp(quarter * 900::bigint) as happened_at, 0 as started, 0 as completed,
    0 as abandoned, ${QUARTER_COLUMNS}
  from unsettled join counted using (session_id) where quarter >= ${fromQuarter} and quarter < ${toQuarter}
  union all
  select seen.session_id, agent_id, user_id, customer_id, to_timestamp(quarter * 900::bigint), 0, 0, 0, ${QUARTER_COLUMNS}
  from seen cross join lateral (select quarter, ${QUARTER_COLUMNS} from parlant.parlant_session_activity kept
    where kept.workspace_id = ${workspace} and kept.session_id = seen.session_id and kept.event_count = seen.event_count
      and quarter >= ${fromQuarter} and quarter < ${toQuarter} offset 0) kept
  where seen.last_activity_at >= ${from} and seen.created_at < ${to}
  union all
  select session_id, agent_id, user_id, customer_id, created_at, 1, 0, 0, 0, 0, 0, 0, 0, null
  from seen where created_at >= ${from} and created_at < ${to}
  union all
  select null, agent_id, null, null, ended_at, 0, (status = 'completed')::integer, (status = 'abandoned')::integer, 0, 0, 0, 0, 0, null
  from seen where ended_at >= ${from} and ended_at < ${to}
)`;
}

const QUARTER_MS = 900_000;

/** What the facts of each key come to; a row for each key of which there are any, with the names that ActivitySums has. */
export function sumsSql(key: string): string {
  return `sums as materialized (
  select ${key} as key, coalesce(sum(started), 0)::int as "sessionsStarted", count(distinct session_id)::int as "sessionsActive",
    sum(completed)::int as "sessionsCompleted", sum(abandoned)::int as "sessionsAbandoned", sum(messages)::int as "messages",
    sum(customer_messages)::int as "customerMessages", sum(agent_messages)::int as "agentMessages",
    count(distinct user_id)::int as "uniqueUsers", count(distinct customer_id)::int as "uniqueCustomers",
    sum(tool_calls)::int as "toolCalls", sum(tool_errors)::int as "toolErrors"
  from fact group by 1
), latencies as materialized (
  select ${key} as latency_key, count(*)::int as "responses",
    percentile_disc(array[0.5, 0.95, 0.99]) within group (order by ms)::float8[] as "latencyMs"
  from fact, unnest(latencies_ms) ms group by 1
), summed as materialized (
  select sums.*, coalesce("responses", 0) as "responses", "latencyMs" from sums left join latencies on latency_key = key
)`;
}

/** What the facts of one key come to. */
export interface ActivitySums {
  sessionsStarted: number;
  sessionsActive: number;
  sessionsCompleted: number;
  sessionsAbandoned: number;
  messages: number;
  customerMessages: number;
  agentMessages: number;
  uniqueUsers: number;
  uniqueCustomers: number;
  toolCalls: number;
  toolErrors: number;
  responses: number;
  /** The 50th, 95th and 99th percentile; null where there was no response. */
  latencyMs: [p50: number, p95: number, p99: number] | null;
}

/** The sums that are counts. */
export const COUNTS = [
  "sessionsStarted",
  "sessionsActive",
  "sessionsCompleted",
  "sessionsAbandoned",
  "messages",
  "customerMessages",
  "agentMessages",
  "uniqueUsers",
  "uniqueCustomers",
  "toolCalls",
  "toolErrors",
  "responses",
] as const satisfies readonly (keyof ActivitySums)[];
