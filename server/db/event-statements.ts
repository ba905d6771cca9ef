import type { Parameter } from "./agent-level-sql.ts";
import type { $Enums, Prisma } from "./generated/client.ts";
import type { SessionView } from "./session-opener.ts";
import { counterSlot } from "./session-statements.ts";
import {
  AGENT_OF_SESSION_COLUMNS,
  type AgentOfSession,
  type AuthenticSession,
  isAuthenticSql,
  leveledAgentsSql,
  type SessionRow,
  seesSessionSql,
} from "./session-view.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

export type EventRow = Prisma.TypeMap["model"]["Event"]["payload"]["scalars"];

/** An event that is to be appended, before it has its offset. */
export interface NewEvent {
  id: string;
  source: $Enums.EventSource;
  kind: $Enums.EventKind;
  data: unknown;
  metadata: object;
  traceId: string;
}

/** What the audit trail keeps of an append; its columns as they are. */
export type AppendRecord = Pick<
  Prisma.AuditEventUncheckedCreateInput,
  "id" | "action" | "outcome" | "rule" | "actorKind" | "actorId" | "onBehalfOf" | "method" | "ipAddress" | "requestId"
> & { occurredAt: Date };

export interface AppendEventsQuery {
  view: SessionView;
  /** The session and the agent that are meant; any other row by these ids is none. */
  known: AuthenticSession;
  events: readonly NewEvent[];
  at: Date;
  audit: AppendRecord;
}

/** Where the events were put. */
export interface AppendedRow {
  firstOffset: number;
  /** When they were appended: never before the ones in front of them. */
  appendedAt: Date;
}

/**
 * Appends events to a session that the caller sees and may post to, counts them and records it, all in one statement. The
 * session's row is locked from its first write on, so that offsets have no gap and no two events one. No row comes back,
 * and nothing is done, where the caller may not, or the session is not active or is another.
 */
export function appendEventsStatement(workspaceId: string, query: AppendEventsQuery): Statement {
  const { view, known, events, at, audit } = query;
  const values: unknown[] = [];
  const parameter: Parameter = (value) => `$${values.push(value)}`;
  const workspace = parameter(workspaceId);
  const session = `${parameter(known.session.id)}::uuid`;
  const count = `${parameter(events.length)}::integer`;
  const messages = `${parameter(events.filter(({ kind }) => kind === "message").length)}::integer`;
  const now = `${parameter(at.toISOString())}::timestamptz`;
  const rows = parameter(
    JSON.stringify(events.map(({ id, source, kind, data, metadata, traceId }) => [id, source, kind, data, metadata, traceId])),
  );
  const record = {
    id: `${parameter(audit.id)}::uuid`,
    occurred_at: `${parameter(audit.occurredAt.toISOString())}::timestamptz`,
    action: parameter(audit.action),
    outcome: `${parameter(audit.outcome)}::parlant.audit_outcome`,
    ...Object.fromEntries(AUDIT_TEXTS.map(({ column, field }) => [column, `${parameter(audit[field] ?? null)}::text`] as const)),
    target_kind: "'session'",
    target_id: `${session}::text`,
  };
  const text = `with changed as (
  update parlant.parlant_session set event_count = event_count + ${count}, message_count = message_count + ${messages},
    last_activity_at = greatest(last_activity_at, ${now}), updated_at = greatest(updated_at, ${now})
  from ${leveledAgentsSql(workspaceId, view, parameter)}
  where workspace_id = ${workspace} and leveled_agent_id = agent_id and ${isAuthenticSql(known, parameter)}
    and ${seesSessionSql(view, parameter)} and agent_level >= 'interact' and status = 'active'
  returning event_count - ${count} as first_offset, agent_id, last_activity_at
), appended as (
  insert into parlant.parlant_event (workspace_id, session_id, "offset", id, source, kind, data, metadata, trace_id, created_at)
  select ${workspace}, ${session}, first_offset + place::integer - 1, (event->>0)::uuid, (event->>1)::parlant.event_source,
    (event->>2)::parlant.event_kind, event->3, event->4, event->>5, last_activity_at
  from changed, jsonb_array_elements(${rows}::jsonb) with ordinality as given (event, place)
), counted as (
  insert into parlant.parlant_agent_counter as counter (workspace_id, agent_id, slot, messages, last_active_at)
  select ${workspace}, agent_id, ${parameter(counterSlot(known.session.id))}::smallint, ${messages}, last_activity_at from changed
  on conflict (workspace_id, agent_id, slot) do update set messages = counter.messages + excluded.messages,
    last_active_at = greatest(counter.last_active_at, excluded.last_active_at)
), recorded as (
  insert into parlant.parlant_audit_event (workspace_id, ${Object.keys(record).join(", ")})
  select ${workspace}, ${Object.values(record).join(", ")} from changed
)
select first_offset as "firstOffset", last_activity_at as "appendedAt" from changed`;
  return { name: statementName(text), text, values };
}

const AUDIT_TEXTS = [
  { column: "rule", field: "rule" },
  { column: "actor_kind", field: "actorKind" },
  { column: "actor_id", field: "actorId" },
  { column: "on_behalf_of", field: "onBehalfOf" },
  { column: "method", field: "method" },
  { column: "ip_address", field: "ipAddress" },
  { column: "request_id", field: "requestId" },
] as const satisfies { column: string; field: keyof AppendRecord }[];

/** Which events of a session to read. */
export interface EventPageQuery {
  view: SessionView;
  sessionId: string;
  minOffset: number;
  /** Null for all. */
  kinds: readonly $Enums.EventKind[] | null;
  take: number;
}

/** A session as a reader of its events needs it, beside one of the events, or beside none where all of it is null. */
export type EventPageRow = AgentOfSession &
  Pick<SessionRow, "workspaceId" | "agentId" | "userId" | "createdByKeyId" | "eventCount"> & {
    sessionId: string;
    sessionCreatedAt: Date;
    sessionBoundary: string;
    sessionBoundaryKeyVersion: number;
  } & { [Field in keyof Omit<EventRow, "workspaceId" | "sessionId">]: EventRow[Field] | null };

/** Events in the order of their offsets, each with its session and the caller's level, of one moment. */
export function eventPageStatement(workspaceId: string, query: EventPageQuery): Statement {
  const values: unknown[] = [];
  const parameter: Parameter = (value) => `$${values.push(value)}`;
  const agents = leveledAgentsSql(workspaceId, query.view, parameter);
  const workspace = parameter(workspaceId);
  const session = `${parameter(query.sessionId)}::uuid`;
  const kinds = `${parameter(query.kinds)}::parlant.event_kind[]`;
  const text = `select workspace_id as "workspaceId", agent_id as "agentId", user_id as "userId", created_by_key_id as "createdByKeyId",
  event_count as "eventCount", id as "sessionId", created_at as "sessionCreatedAt", boundary as "sessionBoundary",
  boundary_key_version as "sessionBoundaryKeyVersion", ${AGENT_OF_SESSION_COLUMNS}, event_offset as "offset", event_id as "id",
  event_source as "source", event_kind as "kind", event_data as "data", event_metadata as "metadata", event_trace_id as "traceId",
  event_created_at as "createdAt"
from parlant.parlant_session join ${agents} on leveled_agent_id = agent_id
left join (select "offset" as event_offset, id as event_id, source as event_source, kind as event_kind, data as event_data,
    metadata as event_metadata, trace_id as event_trace_id, created_at as event_created_at
  from parlant.parlant_event where workspace_id = ${workspace} and session_id = ${session}
    and "offset" >= ${parameter(query.minOffset)}::integer and (${kinds} is null or kind = any (${kinds}))
  order by "offset" limit ${parameter(query.take)}) event on true
where workspace_id = ${workspace} and id = ${session} order by event_offset`;
  return { name: statementName(text), text, values };
}
