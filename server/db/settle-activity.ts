import { countedSql, isSettledSql, QUARTER_COLUMNS } from "./activity-sql.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** A place among the sessions as they were last active, newest first. */
export interface SettlePlace {
  activeAt: Date;
  sessionId: string;
}

/** The sessions behind a place that were active since a moment, and how many of them and of their events one statement takes. */
export interface SettleQuery {
  behind: SettlePlace;
  activeSince: Date;
  takeSessions: number;
  takeEvents: number;
}

/** Of how many sessions the numbers were settled, and where to go on; null at the end. */
export interface Settled {
  count: number;
  next: SettlePlace | null;
}

const UPDATES = ["event_count", ...QUARTER_COLUMNS.split(", ")].map((column) => `${column} = excluded.${column}`).join(", ");

/**
 * Counts the events of those sessions whose numbers are not settled, and keeps what they come to. Both the count by which
 * the numbers are known to be settled and the events are of one moment. It goes on behind each session that it has looked
 * at, whatever came of it, so that none holds up the others.
 */
export function settleStatement(workspaceId: string, query: SettleQuery): Statement {
  const { behind, activeSince, takeSessions, takeEvents } = query;
  const text = `with seen as (
  select id as session_id, event_count, last_activity_at from parlant.parlant_session
  where workspace_id = $1 and last_activity_at >= $2::timestamptz and (last_activity_at, id) < ($3::timestamptz, $4::uuid)
  order by last_activity_at desc, id desc limit $5::integer
), due as (
  select *, case when event_count > 0 and not (${isSettledSql("$1")}) then event_count else 0 end as events from seen
), placed as materialized (
  select *, sum(events) over (order by last_activity_at desc, session_id desc) - events as events_before from due
), passed as (
  select * from placed where events_before < $6::integer
), unsettled as materialized (
  select session_id, event_count from passed where events > 0
), ${countedSql("unsettled", "$1")}, settled as (
  insert into parlant.parlant_session_activity as kept (workspace_id, session_id, quarter, event_count, ${QUARTER_COLUMNS})
  select $1, session_id, quarter, event_count, ${QUARTER_COLUMNS} from unsettled join counted using (session_id)
  on conflict (workspace_id, session_id, quarter) do update set ${UPDATES}
  returning session_id
)
select (select count(distinct session_id) from settled)::integer as count,
  (select json_build_object('activeAt', last_activity_at, 'sessionId', session_id) from passed
    order by last_activity_at, session_id limit 1) as last,
  (select count(*) from passed) < $5::integer and (select count(*) from passed) = (select count(*) from placed) as "isEnd"`;
  const values = [
    workspaceId,
    activeSince.toISOString(),
    behind.activeAt.toISOString(),
    behind.sessionId,
    takeSessions,
    takeEvents,
  ];
  return { name: statementName(text), text, values };
}

/** The only row of the statement. */
export interface SettledRow {
  count: number;
  last: { activeAt: string; sessionId: string } | null;
  isEnd: boolean;
}

export function toSettled({ count, last, isEnd }: SettledRow): Settled {
  return { count, next: isEnd || last === null ? null : { activeAt: new Date(last.activeAt), sessionId: last.sessionId } };
}
