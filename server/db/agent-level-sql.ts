import type { $Enums } from "./generated/client.ts";

/** What decides a caller's level on agents, as data: agentLevel reads it of one agent, and levelSql writes it as SQL. */
export interface LevelRule {
  /** Whether the caller manages every agent. */
  managesAll: boolean;
  /** Whom it is as a creator, where it manages what it made; null where it does not. */
  creator: { createdBy: string } | { createdByKeyId: string } | null;
  /** The user whose grants count; null where none do. */
  grantee: string | null;
  /** The most that a grant gives it. */
  grantCap: $Enums.AccessLevel;
  /** What it has on an agent that everyone in the workspace sees. */
  byPermission: $Enums.AccessLevel;
}

/** A rule at a moment, since grants expire. */
export interface LevelsAt {
  rule: LevelRule;
  nowMs: number;
}

/** Adds a value to a statement's parameters; answers with how its text refers to it. */
export type Parameter = (value: unknown) => string;

/** The caller's own grants, to be joined to agents by grantJoin; their columns are named apart from the agent's. */
export const GRANT_COLUMNS = `grant_level as "grantLevel", grant_expires_at as "grantExpiresAt"`;

/** The join that puts the caller's own grant beside each agent, in the statement that reads the agent. */
export function grantJoin(workspaceId: string, grantee: string | null, parameter: Parameter): string {
  if (grantee === null) {
    return "cross join (select null::parlant.access_level as grant_level, null::timestamptz as grant_expires_at) own_grant";
  }
  return `left join (select agent_id as grant_agent_id, level as grant_level, expires_at as grant_expires_at
  from parlant.parlant_agent_grant where workspace_id = ${parameter(workspaceId)} and user_id = ${parameter(grantee)}) own_grant
  on grant_agent_id = id`;
}

/** The caller's level on an agent, as an expression over parlant_agent and grantJoin: agentLevel in SQL. */
export function levelSql({ rule, nowMs }: LevelsAt, parameter: Parameter): string {
  if (rule.managesAll) return level("manage");
  const now = `${parameter(new Date(nowMs).toISOString())}::timestamptz`;
  return `case ${rule.creator ? `when ${isCreatorSql(rule.creator, parameter)} then ${level("manage")}` : ""}
  when grant_level is not null and (grant_expires_at is null or grant_expires_at > ${now}) then least(grant_level, ${level(rule.grantCap)})
  when visibility = 'restricted' then ${level("none")}
  else ${level(rule.byPermission)} end`;
}

/** Whether the caller's level reaches what is required, as a condition: list = filter(check). */
export function reachesSql(levels: LevelsAt, required: $Enums.AccessLevel, parameter: Parameter): string {
  return levels.rule.managesAll ? "true" : `(${levelSql(levels, parameter)}) >= ${level(required)}`;
}

function isCreatorSql(creator: NonNullable<LevelRule["creator"]>, parameter: Parameter): string {
  return "createdBy" in creator
    ? `created_by = ${parameter(creator.createdBy)}`
    : `created_by_key_id = ${parameter(creator.createdByKeyId)}`;
}

function level(name: $Enums.AccessLevel): string {
  return `'${name}'::parlant.access_level`;
}
