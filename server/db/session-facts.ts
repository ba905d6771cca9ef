import type { $Enums } from "./generated/client.ts";
import type { SessionRow } from "./session-view.ts";
import type { Statement } from "./sim-reader.ts";

/** Which sessions to read, and whose grants on their agents. */
export interface SessionFactsQuery {
  sessionIds: readonly string[];
  userIds: readonly string[];
}

/** What decides who sees a session of an undeleted agent, and how many events it has. */
export type SessionFacts = Pick<SessionRow, "userId" | "createdByKeyId" | "eventCount" | "boundary"> & {
  sessionId: string;
  agentBoundary: string;
  agentIsolationLevel: $Enums.IsolationLevel;
  agentVisibility: $Enums.AgentVisibility;
  agentCreatedBy: string | null;
  agentCreatedByKeyId: string | null;
  /** Each a user's: the user, the level, and until when, as an ISO 8601 date. */
  grants: [userId: string, level: $Enums.AccessLevel, expiresAt: string | null][];
};

/** The facts of sessions at one moment, those that there are, in no order. */
export function sessionFactsStatement(workspaceId: string, { sessionIds, userIds }: SessionFactsQuery): Statement {
  const text = `select s.id as "sessionId", s.user_id as "userId", s.created_by_key_id as "createdByKeyId", s.event_count as "eventCount",
  s.boundary, a.boundary as "agentBoundary", a.isolation_level as "agentIsolationLevel", a.visibility as "agentVisibility",
  a.created_by as "agentCreatedBy", a.created_by_key_id as "agentCreatedByKeyId",
  (select coalesce(jsonb_agg(jsonb_build_array(g.user_id, g.level, g.expires_at)), '[]') from parlant.parlant_agent_grant g
    where g.workspace_id = $1 and g.agent_id = a.id and g.user_id = any ($3::text[])) as "grants"
from parlant.parlant_session s
join parlant.parlant_agent a on a.workspace_id = $1 and a.id = s.agent_id and a.deleted_at is null
where s.workspace_id = $1 and s.id = any ($2::uuid[])`;
  return { name: "session_facts", text, values: [workspaceId, sessionIds, userIds] };
}
