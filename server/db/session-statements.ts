import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** The part of an agent's counters that a session's numbers are kept in: sixteen, by the last digit of its random id. */
export function counterSlot(sessionId: string): number {
  return Number.parseInt(sessionId.slice(-1), 16);
}

/** Adds to what an agent's sessions come to. */
export interface CountQuery {
  agentId: string;
  sessionId: string;
  sessions: number;
  messages: number;
  /** Null where it says nothing of activity. */
  activeAt: Date | null;
}

export function countStatement(workspaceId: string, { agentId, sessionId, sessions, messages, activeAt }: CountQuery): Statement {
  const text = `insert into parlant.parlant_agent_counter as counter (workspace_id, agent_id, slot, sessions, messages, last_active_at)
values ($1, $2::uuid, $3::smallint, $4::integer, $5::integer, $6::timestamptz)
on conflict (workspace_id, agent_id, slot) do update set sessions = counter.sessions + excluded.sessions,
  messages = counter.messages + excluded.messages, last_active_at = greatest(counter.last_active_at, excluded.last_active_at)`;
  const values = [workspaceId, agentId, counterSlot(sessionId), sessions, messages, activeAt?.toISOString() ?? null];
  return { name: statementName(text), text, values };
}

/** Active sessions without activity since a moment, of which so many are abandoned at another. */
export interface AbandonQuery {
  idleSince: Date;
  at: Date;
  take: number;
}

/** Abandons idle sessions and answers with their ids; one that somebody is writing to is passed over. */
export function abandonStatement(workspaceId: string, { idleSince, at, take }: AbandonQuery): Statement {
  const text = `update parlant.parlant_session set status = 'abandoned', ended_at = $2::timestamptz, updated_at = $2::timestamptz
where workspace_id = $1 and id in (select id from parlant.parlant_session
  where workspace_id = $1 and status = 'active' and last_activity_at < $3::timestamptz
  order by last_activity_at, id limit $4 for no key update skip locked)
returning id`;
  const values = [workspaceId, at.toISOString(), idleSince.toISOString(), take];
  return { name: statementName(text), text, values };
}
