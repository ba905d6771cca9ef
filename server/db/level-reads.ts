import { grantJoin, type LevelRule, type LevelsAt, levelSql, type Parameter, reachesSql } from "./agent-level-sql.ts";
import type { $Enums } from "./generated/client.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** Whose grants to read, on those agents on which the level of somebody else reaches what is required. */
export interface GrantsOfUsersQuery {
  userIds: readonly string[];
  levels: LevelsAt;
  required: $Enums.AccessLevel;
}

export interface UserGrant {
  userId: string;
  agentId: string;
  level: $Enums.AccessLevel;
  expiresAt: Date | null;
}

/** Grants of users on undeleted agents, as one statement. */
export function grantsOfUsersStatement(workspaceId: string, { userIds, levels, required }: GrantsOfUsersQuery): Statement {
  const { values, parameter } = parameters();
  const text = `select given_to as "userId", given_on as "agentId", given_level as level, given_until as "expiresAt"
from (select agent_id as given_on, user_id as given_to, level as given_level, expires_at as given_until
  from parlant.parlant_agent_grant where workspace_id = ${parameter(workspaceId)} and user_id = any (${parameter(userIds)}::text[])) given
join parlant.parlant_agent on workspace_id = ${parameter(workspaceId)} and id = given_on and deleted_at is null
${grantJoin(workspaceId, levels.rule.managesAll ? null : levels.rule.grantee, parameter)}
where ${reachesSql(levels, required, parameter)}
order by given_to, given_on`;
  return { name: statementName(text), text, values };
}

/** A user's level on every agent by one rule and by another; null for no permission at all. */
export interface LevelChangesQuery {
  grantee: string;
  before: LevelRule | null;
  after: LevelRule | null;
  nowMs: number;
  take: number;
}

export interface LevelChanges {
  gained: number;
  lost: number;
  unchanged: number;
  data: { agentId: string; before: $Enums.AccessLevel; after: $Enums.AccessLevel }[];
}

/** How many levels would change, and the first of them, as one statement. */
export function levelChangesStatement(workspaceId: string, query: LevelChangesQuery): Statement {
  const { values, parameter } = parameters();
  const levelBy = (rule: LevelRule | null) =>
    rule ? levelSql({ rule, nowMs: query.nowMs }, parameter) : "'none'::parlant.access_level";
  const text = `with levels as materialized (
  select id, ${levelBy(query.before)} as before_level, ${levelBy(query.after)} as after_level
  from parlant.parlant_agent ${grantJoin(workspaceId, query.grantee, parameter)}
  where workspace_id = ${parameter(workspaceId)} and deleted_at is null),
changes as (select id, before_level, after_level from levels where before_level <> after_level order by id limit ${parameter(query.take)})
select count(*) filter (where after_level > before_level)::int as gained,
  count(*) filter (where after_level < before_level)::int as lost,
  count(*) filter (where after_level = before_level)::int as unchanged,
  (select coalesce(jsonb_agg(jsonb_build_object('agentId', id, 'before', before_level, 'after', after_level) order by id), '[]')
    from changes) as data
from levels`;
  return { name: statementName(text), text, values };
}

function parameters(): { values: unknown[]; parameter: Parameter } {
  const values: unknown[] = [];
  return { values, parameter: (value) => `$${values.push(value)}` };
}
