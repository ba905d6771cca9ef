import type { LevelRule } from "../db/agent-level-sql.ts";

/** Sim's workspace permissions, weakest first. */
export const WORKSPACE_PERMISSIONS = ["read", "write", "admin"] as const;
export type WorkspacePermission = (typeof WORKSPACE_PERMISSIONS)[number];

/** What a caller may do with one agent, weakest first; "none" hides that it exists. */
export const ACCESS_LEVELS = ["none", "view", "interact", "configure", "manage"] as const;
export type AccessLevel = (typeof ACCESS_LEVELS)[number];

/** Every operation with what it needs: a permission in the workspace, or a level on the agent it names. */
export const OPERATIONS = {
  "agent:list": { workspace: "read" },
  "agent:create": { workspace: "write" },
  "agent:get": { agent: "view" },
  "agent:update": { agent: "configure" },
  "agent:delete": { agent: "manage" },
  "agent:restore": { agent: "manage" },
  "guideline:list": { agent: "view" },
  "guideline:export": { agent: "view" },
  "guideline:create": { agent: "configure" },
  "guideline:update": { agent: "configure" },
  "guideline:delete": { agent: "configure" },
  "guideline:import": { agent: "configure" },
  "isolation:health": { workspace: "read" },
  "isolation:report": { workspace: "admin" },
  "access:me": { workspace: "read" },
  "access:members": { workspace: "read" },
  "access:check": { workspace: "read" },
  "access:explain": { workspace: "read" },
  "access:simulate": { workspace: "admin" },
  "grant:list": { agent: "manage" },
  "grant:set": { agent: "manage" },
  "grant:remove": { agent: "manage" },
  "session:list": { workspace: "read" },
  "session:create": { agent: "interact" },
  "session:get": { agent: "view" },
  "session:update": { agent: "interact" },
  "session:delete": { agent: "interact" },
  "event:append": { agent: "interact" },
  "event:list": { agent: "view" },
  "analytics:read": { workspace: "read" },
  "audit:list": { workspace: "admin" },
  "audit:verify": { workspace: "admin" },
  "audit:prove": { workspace: "admin" },
  "audit:export": { workspace: "admin" },
  "endpoint:create": { workspace: "admin" },
  "endpoint:list": { workspace: "admin" },
  "endpoint:get": { workspace: "admin" },
  "endpoint:update": { workspace: "admin" },
  "endpoint:delete": { workspace: "admin" },
  "endpoint:rotate": { workspace: "admin" },
  "endpoint:deliveries": { workspace: "admin" },
  "endpoint:redeliver": { workspace: "admin" },
  "endpoint:test": { workspace: "admin" },
  "integration:sync": { workspace: "admin" },
  "integration:status": { workspace: "admin" },
  "integration:clear": { workspace: "admin" },
} as const satisfies Record<string, { workspace: WorkspacePermission } | { agent: AccessLevel }>;

export type Operation = keyof typeof OPERATIONS;
export type WorkspaceOperation = {
  [Name in Operation]: (typeof OPERATIONS)[Name] extends { workspace: unknown } ? Name : never;
}[Operation];
export type AgentOperation = Exclude<Operation, WorkspaceOperation>;

export function isOperation(name: string): name is Operation {
  return Object.hasOwn(OPERATIONS, name);
}

/** What an operation needs, as the audit trail names the rule that decided: "workspace:write", "agent:configure". */
export function ruleOf(operation: Operation): string {
  const needs = OPERATIONS[operation];
  return "workspace" in needs ? `workspace:${needs.workspace}` : `agent:${needs.agent}`;
}

/** Whether a permission reaches what is required; no permission reaches nothing. */
export function permissionSatisfies(actual: WorkspacePermission | null, required: WorkspacePermission): boolean {
  return actual !== null && WORKSPACE_PERMISSIONS.indexOf(actual) >= WORKSPACE_PERMISSIONS.indexOf(required);
}

/** Whether a level reaches what is required. */
export function levelSatisfies(actual: AccessLevel, required: AccessLevel): boolean {
  return ACCESS_LEVELS.indexOf(actual) >= ACCESS_LEVELS.indexOf(required);
}

/**
 * What Sim's tables give a user in a workspace: the higher of the user's own row in permissions and the `admin` that the
 * owner and admins of the workspace's organization inherit. permissionSql states the same in SQL.
 */
export function effectivePermission(facts: {
  own: WorkspacePermission | null;
  organizationRole: string | null;
}): WorkspacePermission | null {
  return isOrganizationAdmin(facts.organizationRole) ? "admin" : facts.own;
}

export function isOrganizationAdmin(role: string | null): boolean {
  return role === "owner" || role === "admin";
}

/** A caller as the rules see it. A workspace key has no user and stands for a `write` user without grants. */
export interface LevelCaller {
  permission: WorkspacePermission;
  userId: string | null;
  keyId: string | null;
}

export interface LevelAgent {
  visibility: "workspace" | "restricted";
  createdBy: string | null;
  createdByKeyId: string | null;
}

/** A grant to the caller on the agent; in force until `expiresAt`, and no longer at that very millisecond. */
export interface LevelGrant {
  level: AccessLevel;
  expiresAt: Date | null;
}

/** Which of the rules decided a level, in the order in which they are asked. */
export const LEVEL_REASONS = ["admin", "creator", "grant", "restricted", "permission"] as const;
export type LevelReason = (typeof LEVEL_REASONS)[number];

const BY_PERMISSION = { read: "view", write: "configure", admin: "manage" } as const satisfies Record<
  WorkspacePermission,
  AccessLevel
>;
const GRANT_CAP = { read: "interact", write: "manage", admin: "manage" } as const satisfies Record<
  WorkspacePermission,
  AccessLevel
>;

/** The rule of levels for one caller, as the data from which a single agent is decided and a list of them filtered. */
export function levelRule(caller: LevelCaller): LevelRule {
  const permission = caller.userId === null && caller.permission === "admin" ? "write" : caller.permission;
  return {
    managesAll: permission === "admin",
    creator: permission === "read" ? null : creatorOf(caller),
    grantee: caller.userId,
    grantCap: GRANT_CAP[permission],
    byPermission: BY_PERMISSION[permission],
  };
}

function creatorOf({ userId, keyId }: LevelCaller): LevelRule["creator"] {
  if (userId !== null) return { createdBy: userId };
  return keyId === null ? null : { createdByKeyId: keyId };
}

/**
 * The level on one agent and the rule that gave it; the first that applies decides. So a grant replaces what the
 * permission gives, up or down, and neither an admin's level nor the creator's: whoever made an agent and still holds
 * `write` cannot be locked out of it by a grant, only by a lower permission.
 */
export function decideLevel(
  rule: LevelRule,
  agent: LevelAgent,
  grant: LevelGrant | null,
  nowMs: number,
): { level: AccessLevel; reason: LevelReason } {
  if (rule.managesAll) return { level: "manage", reason: "admin" };
  if (isCreator(rule.creator, agent)) return { level: "manage", reason: "creator" };
  if (grant !== null && rule.grantee !== null && (grant.expiresAt === null || grant.expiresAt.getTime() > nowMs)) {
    return { level: levelSatisfies(grant.level, rule.grantCap) ? rule.grantCap : grant.level, reason: "grant" };
  }
  if (agent.visibility === "restricted") return { level: "none", reason: "restricted" };
  return { level: rule.byPermission, reason: "permission" };
}

/** The level on one agent; levelSql states the same in SQL. */
export function agentLevel(rule: LevelRule, agent: LevelAgent, grant: LevelGrant | null, nowMs: number): AccessLevel {
  return decideLevel(rule, agent, grant, nowMs).level;
}

function isCreator(creator: LevelRule["creator"], agent: LevelAgent): boolean {
  if (creator === null) return false;
  return "createdBy" in creator ? agent.createdBy === creator.createdBy : agent.createdByKeyId === creator.createdByKeyId;
}
