import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** Sessions by their ids, or the next ones past an id. */
export type SessionCountsQuery = { ids: readonly string[] } | { afterId: string; take: number };

/** What a session says of its events, and what there is of them. */
export interface SessionCounts {
  id: string;
  eventCount: number;
  messageCount: number;
  events: number;
  messages: number;
  /** Null where there is no event. */
  firstOffset: number | null;
  lastOffset: number | null;
  /** What analytics keep of it, where that is settled; null where it is not. */
  keptMessages: number | null;
}

const COUNTS = `select session.id, session.event_count as "eventCount", session.message_count as "messageCount",
  found.events::int as events, found.messages::int as messages, found.first as "firstOffset", found.last as "lastOffset",
  (select sum(kept.messages)::int from parlant.parlant_session_activity kept
    where kept.workspace_id = $1 and kept.session_id = session.id and kept.event_count = session.event_count) as "keptMessages"
from session cross join lateral (
  select count(*) as events, count(*) filter (where kind = 'message') as messages, min("offset") as first, max("offset") as last
  from parlant.parlant_event event where event.workspace_id = $1 and event.session_id = session.id) as found
order by session.id`;

export function sessionCountsStatement(workspaceId: string, query: SessionCountsQuery): Statement {
  const columns = "select id, event_count, message_count from parlant.parlant_session where workspace_id = $1";
  const chosen = "ids" in query ? `${columns} and id = any ($2::uuid[])` : `${columns} and id > $2::uuid order by id limit $3`;
  const text = `with session as materialized (${chosen}) ${COUNTS}`;
  const values = "ids" in query ? [workspaceId, query.ids] : [workspaceId, query.afterId, query.take];
  return { name: statementName(text), text, values };
}
