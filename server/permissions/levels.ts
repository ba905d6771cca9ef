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
  "isolation:health": { workspace: "read" },
  "isolation:report": { workspace: "admin" },
} as const satisfies Record<string, { workspace: WorkspacePermission } | { agent: AccessLevel }>;

export type Operation = keyof typeof OPERATIONS;
export type WorkspaceOperation = {
  [Name in Operation]: (typeof OPERATIONS)[Name] extends { workspace: unknown } ? Name : never;
}[Operation];
export type AgentOperation = Exclude<Operation, WorkspaceOperation>;

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

/** A caller as the rules see it. A workspace key has no user and stands for a `write` user. */
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

/** The caller's level on an agent of its workspace; the list of agents states the same rule in SQL (visibleAgents). */
export function agentLevel(caller: LevelCaller, agent: LevelAgent): AccessLevel {
  if (caller.permission === "admin") return "manage";
  if (caller.permission === "write" && isCreator(caller, agent)) return "manage";
  if (agent.visibility === "restricted") return "none";
  return caller.permission === "write" ? "configure" : "view";
}

function isCreator(caller: LevelCaller, agent: LevelAgent): boolean {
  if (caller.userId !== null) return agent.createdBy === caller.userId;
  return caller.keyId !== null && agent.createdByKeyId === caller.keyId;
}
