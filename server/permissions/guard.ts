import type { Binding } from "../db/binding.ts";
import type { SimFeatures } from "../db/sim-features.ts";
import type { WorkspacePermission } from "./levels.ts";
import { permissionSql } from "./permission-sql.ts";
import type { Proven } from "./principal-map.ts";

/** Parameters of the permission statement for a principal in a workspace. */
export function permissionValues({ principal, proof }: Proven, workspaceId: string): (string | null)[] {
  switch (principal.kind) {
    case "session":
      return [workspaceId, principal.userId, principal.sessionId, proof];
    case "personal_api_key":
      return [workspaceId, principal.userId, principal.keyId, proof];
    case "workspace_api_key":
      return [workspaceId, null, principal.keyId, proof];
    case "internal":
      return [workspaceId, principal.userId, null, proof];
  }
}

/**
 * Binds a decided permission: the prelude of each statement reads the truth again, and enters the workspace only if
 * the permission is still what was decided. Otherwise the transaction ends with PA001 and touches nothing.
 */
export function guardedBinding(
  caller: Proven,
  workspaceId: string,
  decided: WorkspacePermission,
  features: SimFeatures,
): Binding {
  return {
    workspaceId,
    prelude: {
      name: `guard_${caller.principal.kind}`,
      text: `select parlant.parlant_enter($1, (select case when t.credential_valid and t.workspace_live and t.key_allowed
  then t.permission end from (${permissionSql(caller.principal.kind, features)}) t), $5)`,
      values: [...permissionValues(caller, workspaceId), decided],
    },
  };
}
