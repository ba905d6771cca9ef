import type { Principal } from "../../server/auth/principal.ts";
import type { AccessLevel, LevelAgent, LevelGrant, WorkspacePermission } from "../../server/permissions/levels.ts";

/** One question: who asks, with which permission, of which agent, with which grant, and when. */
export interface LevelCase {
  principal: Principal;
  permission: WorkspacePermission;
  agent: LevelAgent;
  grant: LevelGrant | null;
  nowMs: number;
}

/**
 * The table of levels, read from its weakest row to its strongest, each overwriting the one before. It shares nothing
 * with the code under test, not even the order in which it thinks.
 */
export function naiveLevel({ principal, permission, agent, grant, nowMs }: LevelCase): AccessLevel {
  const isKey = principal.kind === "workspace_api_key";
  const holds = isKey && permission === "admin" ? "write" : permission;
  let level: AccessLevel = holds === "read" ? "view" : "configure";
  if (agent.visibility === "restricted") level = "none";
  const isGranted = !isKey && grant !== null && !(grant.expiresAt !== null && grant.expiresAt.getTime() <= nowMs);
  if (isGranted) {
    level = grant.level;
    if (holds === "read" && (level === "configure" || level === "manage")) level = "interact";
  }
  const hasMadeIt = isKey
    ? agent.createdByKeyId === principal.keyId
    : principal.userId !== null && agent.createdBy === principal.userId;
  if (hasMadeIt && holds === "write") level = "manage";
  if (holds === "admin") level = "manage";
  return level;
}

/** What Sim's tables give, by trying every permission from the strongest down. */
export function naivePermission(own: WorkspacePermission | null, organizationRole: string | null): WorkspacePermission | null {
  for (const permission of ["admin", "write", "read"] as const) {
    if (own === permission) return permission;
    if (permission === "admin" && ["owner", "admin"].includes(organizationRole ?? "")) return permission;
  }
  return null;
}
