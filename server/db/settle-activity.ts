import { countedSql, isSettledSql, QUARTER_COLUMNS } from "./activity-sql.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** Sessions whose last activity was in this time, and whose events have not been counted as they are now. */
export interface SettleQuery {
  activeSince: Date;
  quietSince: Date;
  take: number;
}

/** So many events one statement reads, and those of one session besides. */
const MOST_EVENTS = 100_000;

const UPDATES = ["event_count", ...QUARTER_COLUMNS.split(", ")].map((column) => `${column} = excluded.${column}`).join(", ");

/**
 * Counts the events of sessions and keeps what they come to; answers with how many sessions are settled by that. Both the count by
 * which the numbers are known to be settled and the events are of one moment, and numbers of more events are never
 * replaced by those of fewer.
 */
export function settleStatement(workspaceId: string, { activeSince, quietSince, take }: SettleQuery): Statement {
  const text = `with seen as not materialized (
  select id as session_id, event_count, last_activity_at from parlant.parlant_session where workspace_id = $1 and event_count > 0
), next as (
  select session_id, event_count, last_activity_at from seen where last_activity_at < $2::timestamptz and last_activity_at >= $4::timestamptz and not (${isSettledSql("$1")})
  order by last_activity_at desc, session_id limit $3::integer
), unsettled as materialized (
  select session_id, event_count from
    (select *, sum(event_count) over (order by last_activity_at desc, session_id) - event_count as events_before from next) placed
  where events_before < ${MOST_EVENTS}
), ${countedSql("unsettled", "$1")}, settled as (
  insert into parlant.parlant_session_activity as kept (workspace_id, session_id, quarter, event_count, ${QUARTER_COLUMNS})
  select $1, session_id, quarter, event_count, ${QUARTER_COLUMNS} from unsettled join counted using (session_id)
  on conflict (workspace_id, session_id, quarter) do update set ${UPDATES} where kept.event_count < excluded.event_count
  returning session_id
)
select count(distinct session_id)::integer as count from settled`;
  return { name: statementName(text), text, values: [workspaceId, quietSince.toISOString(), take, activeSince.toISOString()] };
}
