import { countedSql, isSettledSql, QUARTER_COLUMNS } from "./activity-sql.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** Sessions without activity since a moment, whose events have not been counted as they are now. */
export interface SettleQuery {
  quietSince: Date;
  take: number;
}

const UPDATES = ["event_count", ...QUARTER_COLUMNS.split(", ")].map((column) => `${column} = excluded.${column}`).join(", ");

/**
 * Counts the events of sessions and keeps what they come to; answers with how many sessions those were. Both the count by
 * which the numbers are known to be settled and the events are of one moment, and numbers of more events are never
 * replaced by those of fewer.
 */
export function settleStatement(workspaceId: string, { quietSince, take }: SettleQuery): Statement {
  const text = `with seen as not materialized (
  select id as session_id, event_count, last_activity_at from parlant.parlant_session where workspace_id = $1 and event_count > 0
), unsettled as materialized (
  select session_id, event_count from seen where last_activity_at < $2::timestamptz and not (${isSettledSql("$1")})
  order by last_activity_at desc, session_id limit $3::integer
), ${countedSql("unsettled", "$1")}, settled as (
  insert into parlant.parlant_session_activity as kept (workspace_id, session_id, quarter, event_count, ${QUARTER_COLUMNS})
  select $1, session_id, quarter, event_count, ${QUARTER_COLUMNS} from unsettled join counted using (session_id)
  on conflict (workspace_id, session_id, quarter) do update set ${UPDATES} where kept.event_count < excluded.event_count
)
select count(*)::integer as count from unsettled`;
  return { name: statementName(text), text, values: [workspaceId, quietSince.toISOString(), take] };
}
