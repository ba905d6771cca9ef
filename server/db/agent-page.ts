import { GRANT_COLUMNS, grantJoin, type LevelsAt, type Parameter, reachesSql } from "./agent-level-sql.ts";
import type { $Enums, Prisma } from "./generated/client.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

export type AgentRow = Prisma.TypeMap["model"]["Agent"]["payload"]["scalars"];

/** An agent with the caller's own grant on it and what its counters come to, read by one statement. */
export type GrantedAgentRow = AgentRow & {
  grantLevel: $Enums.AccessLevel | null;
  grantExpiresAt: Date | null;
  /** Sessions, messages, and when it was last active in milliseconds since 1970, 0 for never. */
  counted: readonly [sessions: number, messages: number, lastActiveMs: number];
};

/** A subselect, because PostgreSQL makes it for the rows of the page alone. */
function countedSql(workspaceId: string, parameter: Parameter): string {
  return `(select array[coalesce(sum(sessions), 0), coalesce(sum(messages), 0),
    coalesce(extract(epoch from max(counter.last_active_at)) * 1000, 0)]::float8[]
  from parlant.parlant_agent_counter counter
  where counter.workspace_id = ${parameter(workspaceId)} and counter.agent_id = parlant_agent.id) as "counted"`;
}

/** Which undeleted agents of the workspace to read, and in which order. */
export interface AgentPageQuery {
  /** Whose view it is: agents that are hidden from it are not read. */
  levels: LevelsAt;
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
  const join = grantJoin(workspaceId, granteeOf(query.levels), parameter);
  const conditions = [
    `workspace_id = ${parameter(workspaceId)}`,
    "deleted_at is null",
    reachesSql(query.levels, "view", parameter),
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
  const text = `select ${columns}, ${GRANT_COLUMNS}, ${countedSql(workspaceId, parameter)} from parlant.parlant_agent ${join}
where ${conditions.join(" and ")}
order by ${column} ${query.order}, id ${query.order} limit ${parameter(query.take)}`;
  return { name: statementName(text), text, values };
}

/** Which agents to read by their ids. */
export interface AgentsByIdQuery {
  ids: readonly string[];
  /** The user whose grants are read too; null for none. */
  grantee: string | null;
  areDeletedIncluded: boolean;
}

/** Agents by their ids, each with the caller's own grant on it, as one statement: both are of one moment. */
export function agentsByIdStatement(workspaceId: string, columns: string, query: AgentsByIdQuery): Statement {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const join = grantJoin(workspaceId, query.grantee, parameter);
  const text = `select ${columns}, ${GRANT_COLUMNS}, ${countedSql(workspaceId, parameter)} from parlant.parlant_agent ${join}
where workspace_id = ${parameter(workspaceId)} and id = any (${parameter(query.ids)}::uuid[])
  ${query.areDeletedIncluded ? "" : "and deleted_at is null"}`;
  return { name: statementName(text), text, values };
}

/** An admin needs no grant, so none is looked up for it. */
function granteeOf({ rule }: LevelsAt): string | null {
  return rule.managesAll ? null : rule.grantee;
}
