import { grantJoin, type LevelRule, type LevelsAt, levelSql, type Parameter, reachesSql } from "./agent-level-sql.ts";
import type { AgentRow } from "./agent-page.ts";
import type { $Enums } from "./generated/client.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** What of an agent says whether it was made in the workspace. */
export type SignedAgentRow = Pick<AgentRow, "workspaceId" | "id" | "createdAt" | "boundary" | "boundaryKeyVersion">;

const SIGNED_COLUMNS = `workspace_id as "workspaceId", id, created_at as "createdAt", boundary, boundary_key_version as "boundaryKeyVersion"`;

/** Whose grants to read, on those agents on which the level of somebody else reaches what is required. */
export interface GrantsOfUsersQuery {
  userIds: readonly string[];
  levels: LevelsAt;
  required: $Enums.AccessLevel;
  /** How many of each user, in the order of the agents' ids. */
  takeOfEach: number;
}

/** A grant, with the agent that it is on. */
export interface UserGrant extends SignedAgentRow {
  userId: string;
  level: $Enums.AccessLevel;
  expiresAt: Date | null;
}

/** Grants of users on undeleted agents, as one statement. */
export function grantsOfUsersStatement(workspaceId: string, query: GrantsOfUsersQuery): Statement {
  const { userIds, levels, required, takeOfEach } = query;
  const { values, parameter } = parameters();
  const text = `select "userId", level, "expiresAt", "workspaceId", id, "createdAt", boundary, "boundaryKeyVersion"
from (select given_to as "userId", given_level as level, given_until as "expiresAt", ${SIGNED_COLUMNS},
    row_number() over (partition by given_to order by given_on) as place
  from (select agent_id as given_on, user_id as given_to, level as given_level, expires_at as given_until
    from parlant.parlant_agent_grant where workspace_id = ${parameter(workspaceId)} and user_id = any (${parameter(userIds)}::text[])) given
  join parlant.parlant_agent on workspace_id = ${parameter(workspaceId)} and id = given_on and deleted_at is null
  ${grantJoin(workspaceId, levels.rule.managesAll ? null : levels.rule.grantee, parameter)}
  where ${reachesSql(levels, required, parameter)}) placed
where place <= ${parameter(takeOfEach)}
order by "userId", id`;
  return { name: statementName(text), text, values };
}

/** A user's level on every agent by one rule and by another, a null rule being no permission at all. */
export interface LevelChangesQuery {
  grantee: string;
  before: LevelRule | null;
  after: LevelRule | null;
  nowMs: number;
  /** Where the agents read before ended; null at the beginning. */
  beyondId: string | null;
  take: number;
}

/** A user's level on an agent by two rules, with the agent. */
export interface LevelChange extends SignedAgentRow {
  before: $Enums.AccessLevel;
  after: $Enums.AccessLevel;
}

/** A user's levels on the next undeleted agents by two rules, in the order of the agents' ids, as one statement. */
export function levelChangesStatement(workspaceId: string, query: LevelChangesQuery): Statement {
  const { values, parameter } = parameters();
  const levelBy = (rule: LevelRule | null) =>
    rule ? levelSql({ rule, nowMs: query.nowMs }, parameter) : "'none'::parlant.access_level";
  const beyond = `${parameter(query.beyondId)}::uuid`;
  const text = `select ${SIGNED_COLUMNS}, ${levelBy(query.before)} as "before", ${levelBy(query.after)} as "after"
from parlant.parlant_agent ${grantJoin(workspaceId, query.grantee, parameter)}
where workspace_id = ${parameter(workspaceId)} and deleted_at is null and (${beyond} is null or id > ${beyond})
order by id limit ${parameter(query.take)}`;
  return { name: statementName(text), text, values };
}

function parameters(): { values: unknown[]; parameter: Parameter } {
  const values: unknown[] = [];
  return { values, parameter: (value) => `$${values.push(value)}` };
}
