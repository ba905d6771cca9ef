import { grantJoin, levelSql, type Parameter } from "./agent-level-sql.ts";
import type { AgentRow } from "./agent-page.ts";
import type { $Enums, Prisma } from "./generated/client.ts";
import { isOpenedBySql, type SessionView } from "./session-opener.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

export type SessionRow = Prisma.TypeMap["model"]["Session"]["payload"]["scalars"];
type SignedFields = Pick<AgentRow, "id" | "createdAt" | "boundary" | "boundaryKeyVersion">;

/** What of a session's agent is read with it, by the same statement. */
export interface AgentOfSession {
  agentLevel: $Enums.AccessLevel;
  agentIsolationLevel: $Enums.IsolationLevel;
  agentStatus: $Enums.AgentStatus;
  agentCreatedAt: Date;
  agentBoundary: string;
  agentBoundaryKeyVersion: number;
}

/** A session with the caller's level on its agent. */
export type LeveledSessionRow = SessionRow & AgentOfSession;

export const AGENT_OF_SESSION_COLUMNS = `agent_level as "agentLevel", agent_isolation_level as "agentIsolationLevel",
  agent_status as "agentStatus", agent_created_at as "agentCreatedAt", agent_boundary as "agentBoundary",
  agent_boundary_key_version as "agentBoundaryKeyVersion"`;

/** The undeleted agents with the caller's level on each, to be joined to sessions; no column is named as one of theirs. */
export function leveledAgentsSql(workspaceId: string, { levels }: SessionView, parameter: Parameter): string {
  const grantee = levels.rule.managesAll ? null : levels.rule.grantee;
  return `(select id as leveled_agent_id, isolation_level as agent_isolation_level, status as agent_status,
    created_at as agent_created_at, boundary as agent_boundary, boundary_key_version as agent_boundary_key_version,
    ${levelSql(levels, parameter)} as agent_level
  from parlant.parlant_agent ${grantJoin(workspaceId, grantee, parameter)}
  where workspace_id = ${parameter(workspaceId)} and deleted_at is null) leveled_agent`;
}

/** Whether the caller sees a session, as a condition over parlant_session and leveledAgentsSql: seesSession in SQL. */
export function seesSessionSql({ levels, opener }: SessionView, parameter: Parameter): string {
  if (levels.rule.managesAll) return "true";
  const own = isOpenedBySql(opener, parameter);
  return `(agent_level >= 'manage' or agent_level >= 'view' and (agent_isolation_level = 'workspace' or ${own}))`;
}

/** Which sessions of the workspace to read, and in which order. */
export interface SessionPageQuery {
  view: SessionView;
  agentId?: string | undefined;
  userId?: string | undefined;
  customerId?: string | undefined;
  status?: $Enums.SessionStatus | undefined;
  mode?: $Enums.SessionMode | undefined;
  tag?: string | undefined;
  /** Bounds of the last activity, both included. */
  from?: Date | undefined;
  to?: Date | undefined;
  sort: "createdAt" | "lastActivityAt";
  order: "asc" | "desc";
  /** Where the page before ended. */
  after?: { value: string; id: string };
  take: number;
}

const SORT_COLUMNS = { createdAt: "created_at", lastActivityAt: "last_activity_at" } as const;

/** A page of the sessions that the caller sees, as one statement. */
export function sessionPageStatement(workspaceId: string, columns: string, query: SessionPageQuery): Statement {
  const values: unknown[] = [];
  const parameter: Parameter = (value) => `$${values.push(value)}`;
  const column = SORT_COLUMNS[query.sort];
  const agents = leveledAgentsSql(workspaceId, query.view, parameter);
  const conditions = [`workspace_id = ${parameter(workspaceId)}`, seesSessionSql(query.view, parameter)];
  // Named only where it is given, so that the agent's own index is used; of the others, so that there are few statements.
  if (query.agentId !== undefined) conditions.push(`agent_id = ${parameter(query.agentId)}::uuid`);
  const whenGiven = (value: unknown, type: string, condition: (parameter: string) => string) => {
    const given = `${parameter(value ?? null)}::${type}`;
    conditions.push(`(${given} is null or ${condition(given)})`);
  };
  whenGiven(query.userId, "text", (given) => `user_id = ${given}`);
  whenGiven(query.customerId, "text", (given) => `customer_id = ${given}`);
  whenGiven(query.status, "parlant.session_status", (given) => `status = ${given}`);
  whenGiven(query.mode, "parlant.session_mode", (given) => `mode = ${given}`);
  whenGiven(query.tag, "text", (given) => `${given} = any (tags)`);
  whenGiven(query.from?.toISOString(), "timestamptz", (given) => `last_activity_at >= ${given}`);
  whenGiven(query.to?.toISOString(), "timestamptz", (given) => `last_activity_at <= ${given}`);
  if (query.after) {
    const operator = query.order === "asc" ? ">" : "<";
    const { value, id } = query.after;
    conditions.push(`(${column}, id) ${operator} (${parameter(value)}::timestamptz, ${parameter(id)}::uuid)`);
  }
  const text = `select ${columns}, ${AGENT_OF_SESSION_COLUMNS} from parlant.parlant_session join ${agents} on leveled_agent_id = agent_id
where ${conditions.join(" and ")}
order by ${column} ${query.order}, id ${query.order} limit ${parameter(query.take)}`;
  return { name: statementName(text), text, values };
}

/** Sessions by their ids, whether the caller sees them or not, each with its level on the agent. */
export interface SessionsByIdQuery {
  ids: readonly string[];
  view: SessionView;
}

export function sessionsByIdStatement(workspaceId: string, columns: string, { ids, view }: SessionsByIdQuery): Statement {
  const values: unknown[] = [];
  const parameter: Parameter = (value) => `$${values.push(value)}`;
  const agents = leveledAgentsSql(workspaceId, view, parameter);
  const text = `select ${columns}, ${AGENT_OF_SESSION_COLUMNS} from parlant.parlant_session join ${agents} on leveled_agent_id = agent_id
where workspace_id = ${parameter(workspaceId)} and id = any (${parameter(ids)}::uuid[])`;
  return { name: statementName(text), text, values };
}

/** What of a session and its agent was found to be authentic, so that a later statement can say that it means just these. */
export interface AuthenticSession {
  session: SignedFields;
  agent: SignedFields;
}

/** That the rows are the very ones that were found to be authentic, as conditions over parlant_session and leveledAgentsSql. */
export function isAuthenticSql({ session, agent }: AuthenticSession, parameter: Parameter): string {
  const same = (prefix: string, { createdAt, boundary, boundaryKeyVersion }: SignedFields) =>
    `${prefix}created_at = ${parameter(createdAt.toISOString())}::timestamptz and ${prefix}boundary = ${parameter(boundary)}` +
    ` and ${prefix}boundary_key_version = ${parameter(boundaryKeyVersion)}::integer`;
  return `id = ${parameter(session.id)}::uuid and ${same("", session)}
  and leveled_agent_id = ${parameter(agent.id)}::uuid and ${same("agent_", agent)}`;
}
