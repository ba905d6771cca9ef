import type { Principal } from "../auth/principal.ts";
import type { Binding } from "../db/binding.ts";
import type { SimFeatures } from "../db/sim-features.ts";
import type { WorkspacePermission } from "./levels.ts";
import { permissionSql } from "./permission-sql.ts";

/** Parameters of the permission statement for a principal in a workspace. */
export function permissionValues(principal: Principal, workspaceId: string): (string | null)[] {
  switch (principal.kind) {
    case "session":
      return [workspaceId, principal.userId, principal.sessionId];
    case "personal_api_key":
      return [workspaceId, principal.userId, principal.keyId];
    case "workspace_api_key":
      return [workspaceId, null, principal.keyId];
    case "internal":
      return [workspaceId, principal.userId, null];
  }
}

/**
 * Binds a decided permission: the prelude of each statement reads the truth again, and enters the workspace only if
 * the permission is still what was decided. Otherwise the transaction ends with PA001 and touches nothing.
 */
export function guardedBinding(
  principal: Principal,
  workspaceId: string,
  decided: WorkspacePermission,
  features: SimFeatures,
): Binding {
  return {
    workspaceId,
    prelude: {
      name: `guard_${principal.kind}`,
      text: `select parlant.parlant_enter($1, (select case when t.credential_valid and t.workspace_live and t.key_allowed
  then t.permission end from (${permissionSql(principal.kind, features)}) t), $4)`,
      values: [...permissionValues(principal, workspaceId), decided],
    },
  };
}
