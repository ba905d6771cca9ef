import type { SimFeatures } from "../db/sim-features.ts";
import type { SimReader, Statement } from "../db/sim-reader.ts";
import { AppError, workspaceNotFound } from "../shared/errors.ts";
import { permissionValues } from "./guard.ts";
import type { WorkspacePermission } from "./levels.ts";
import { permissionSql } from "./permission-sql.ts";
import type { Proven } from "./principal-map.ts";

export interface PermissionRow {
  credential_valid: boolean;
  workspace_live: boolean;
  key_allowed: boolean;
  permission: WorkspacePermission | null;
}

/** The statement that reads a principal's permission in a workspace; its one row is a PermissionRow. */
export function permissionStatement(caller: Proven, workspaceId: string, features: SimFeatures): Statement {
  const { kind } = caller.principal;
  return { name: `permission_${kind}`, text: permissionSql(kind, features), values: permissionValues(caller, workspaceId) };
}

/** The permission that a row grants; null where it grants none. */
export function grantedPermission(row: PermissionRow | undefined): WorkspacePermission | null {
  return row?.credential_valid && row.workspace_live && row.key_allowed ? row.permission : null;
}

/**
 * The principal's permission in the workspace as Sim's tables stand, in one statement.
 *
 * @throws AppError UNAUTHORIZED where the credential no longer holds; NOT_FOUND, always the same one, where the
 * workspace is absent, archived or closed to the principal; FORBIDDEN where it admits the user but no personal keys
 */
export async function loadPermission(
  sim: SimReader,
  features: SimFeatures,
  caller: Proven,
  workspaceId: string,
): Promise<WorkspacePermission> {
  const { principal } = caller;
  const [row] = await sim.query<PermissionRow>(permissionStatement(caller, workspaceId, features));
  if (!row?.credential_valid) throw new AppError("UNAUTHORIZED", "The credential is not valid");
  if (!row.workspace_live) throw workspaceNotFound("WORKSPACE_NOT_LIVE");
  if (row.permission === null) throw workspaceNotFound("NO_WORKSPACE_PERMISSION");
  if (!row.key_allowed) {
    if (principal.kind === "workspace_api_key") throw workspaceNotFound("KEY_OF_ANOTHER_WORKSPACE");
    throw new AppError("FORBIDDEN", "This workspace does not allow personal API keys", {
      details: { code: "PERSONAL_API_KEYS_DISABLED" },
    });
  }
  return row.permission;
}
