import { GRANT_COLUMNS, grantJoin, type LevelsAt, type Parameter, reachesSql } from "./agent-level-sql.ts";
import type { $Enums, Prisma } from "./generated/client.ts";
import { isOpenedBySql, type SessionView } from "./session-opener.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

export type AgentRow = Prisma.TypeMap["model"]["Agent"]["payload"]["scalars"];

/** An agent with the caller's own grant on it and what its counters come to, read by one statement. */
export type GrantedAgentRow = AgentRow & {
  grantLevel: $Enums.AccessLevel | null;
  grantExpiresAt: Date | null;
  /** Sessions that the caller sees, their messages, and when they were last active in milliseconds since 1970, 0 for never. */
  counted: readonly [sessions: number, messages: number, lastActiveMs: number];
};

/**
 * What the sessions of an agent that the caller sees come to: all of them by the agent's counters, or its own ones one by
 * one. Subselects, because PostgreSQL makes them for the rows of the page alone.
 */
function countedSql(workspaceId: string, { levels, opener }: SessionView, parameter: Parameter): string {
  const workspace = parameter(workspaceId);
  const all = `(select array[total_sessions + coalesce(sum(counter.sessions), 0), total_messages + coalesce(sum(counter.messages), 0),
    coalesce(extract(epoch from greatest(parlant_agent.last_active_at, max(counter.last_active_at))) * 1000, 0)]::float8[]
  from parlant.parlant_agent_counter counter where counter.workspace_id = ${workspace} and counter.agent_id = parlant_agent.id)`;
  if (levels.rule.managesAll) return `${all} as "counted"`;
  return `case when isolation_level = 'workspace' or ${reachesSql(levels, "manage", parameter)} then ${all}
  else (select array[count(*), coalesce(sum(session.message_count), 0),
    coalesce(extract(epoch from max(session.last_activity_at)) * 1000, 0)]::float8[]
  from parlant.parlant_session session where session.workspace_id = ${workspace} and session.agent_id = parlant_agent.id
    and ${isOpenedBySql(opener, parameter)}) end as "counted"`;
}

/** Which undeleted agents of the workspace to read, and in which order. */
export interface AgentPageQuery {
  /** Whose view it is: agents that are hidden from it are not read, and sessions that are, not counted. */
  view: SessionView;
  status?: string | undefined;
  isArchivedHidden: boolean;
  createdBy?: string | undefined;
  tag?: string | undefined;
  /** A substring of name or description, in any case. */
  search?: string | undefined;
  sort: "createdAt" | "updatedAt" | "nameKey";
  order: "asc" | "desc";
  /** Where the page before ended. */
  after?: { value: string; id: string };
  take: number;
}

const SORT_COLUMNS = {
  createdAt: { column: "created_at", type: "timestamptz" },
  updatedAt: { column: "updated_at", type: "timestamptz" },
  nameKey: { column: "name_key", type: "text" },
} as const;

/**
 * A page of agents as one statement. SQL, because the list is the hottest read and Prisma's findMany costs three times
 * the driver's own (measured by npm run bench); it is bound and guarded like any other statement, and names its
 * workspace besides.
 */
export function agentPageStatement(workspaceId: string, columns: string, query: AgentPageQuery): Statement {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const { column, type } = SORT_COLUMNS[query.sort];
  const join = grantJoin(workspaceId, granteeOf(query.view.levels), parameter);
  const conditions = [
    `workspace_id = ${parameter(workspaceId)}`,
    "deleted_at is null",
    reachesSql(query.view.levels, "view", parameter),
  ];
  // A filter that is not given is a null parameter, so that the shapes of the statement stay few enough to be prepared.
  const whenGiven = (value: unknown, type: string, condition: (parameter: string) => string) => {
    const given = `${parameter(value ?? null)}::${type}`;
    conditions.push(`(${given} is null or ${condition(given)})`);
  };
  whenGiven(query.status, "parlant.agent_status", (given) => `status = ${given}`);
  whenGiven(query.isArchivedHidden ? "archived" : null, "parlant.agent_status", (given) => `status <> ${given}`);
  whenGiven(query.createdBy, "text", (given) => `created_by = ${given}`);
  whenGiven(query.tag, "text", (given) => `${given} = any (tags)`);
  const pattern = query.search === undefined ? null : `%${query.search.replace(/[\\%_]/g, "\\$&")}%`;
  whenGiven(pattern, "text", (given) => `(name ilike ${given} or description ilike ${given})`);
  if (query.after) {
    const operator = query.order === "asc" ? ">" : "<";
    conditions.push(`(${column}, id) ${operator} (${parameter(query.after.value)}::${type}, ${parameter(query.after.id)}::uuid)`);
  }
  const text = `select ${columns}, ${GRANT_COLUMNS}, ${countedSql(workspaceId, query.view, parameter)} from parlant.parlant_agent ${join}
where ${conditions.join(" and ")}
order by ${column} ${query.order}, id ${query.order} limit ${parameter(query.take)}`;
  return { name: statementName(text), text, values };
}

/** Which agents to read by their ids. */
export interface AgentsByIdQuery {
  ids: readonly string[];
  /** The user whose grants are read too; null for none. */
  grantee: string | null;
  /** Whose view it is, where it is the grantee's own: what it sees of the agents' sessions is counted. Null: nothing is. */
  view: SessionView | null;
  areDeletedIncluded: boolean;
}

/** Agents by their ids, each with the caller's own grant on it, as one statement: both are of one moment. */
export function agentsByIdStatement(workspaceId: string, columns: string, query: AgentsByIdQuery): Statement {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const join = grantJoin(workspaceId, query.grantee, parameter);
  const counted = query.view ? countedSql(workspaceId, query.view, parameter) : `array[0, 0, 0]::float8[] as "counted"`;
  const text = `select ${columns}, ${GRANT_COLUMNS}, ${counted} from parlant.parlant_agent ${join}
where workspace_id = ${parameter(workspaceId)} and id = any (${parameter(query.ids)}::uuid[])
  ${query.areDeletedIncluded ? "" : "and deleted_at is null"}`;
  return { name: statementName(text), text, values };
}

/** An admin needs no grant, so none is looked up for it. */
function granteeOf({ rule }: LevelsAt): string | null {
  return rule.managesAll ? null : rule.grantee;
}
