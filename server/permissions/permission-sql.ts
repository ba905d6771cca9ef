import type { Principal } from "../auth/principal.ts";
import type { SimFeatures } from "../db/sim-features.ts";
import { andUnbanned, NOW_UTC } from "../db/sim-time.ts";

/**
 * The one SQL statement of the permission rule, used to decide (load-permission) and to check the decision inside
 * every data statement (guard): what Sim's tables grant a principal in a workspace at this moment.
 *
 * Parameters: $1 workspace, $2 user (null for a workspace key), $3 session or key, $4 the proof of the credential (both
 * null for Sim's backend).
 * One row always: credential_valid, workspace_live, key_allowed, permission ('read'|'write'|'admin' or null).
 *
 * The rule is Sim's: the higher of the caller's row in permissions and `admin` inherited by the owner and admins of the
 * workspace's organization; the workspace's owner is nobody special, and an archived workspace is closed to everyone.
 *
 * permission means nothing without workspace_live: the row in permissions is looked for by the id that was given, not by
 * the workspace that was found, so that a workspace that is closed and one that is absent take equally long.
 */
export function permissionSql(kind: Principal["kind"], features: SimFeatures, given: PermissionParameters = PARAMETERS): string {
  return `select ${credentialSql(kind, features, given)} as credential_valid,
  w.id is not null ${features.workspaceArchivedAt ? "and w.archived_at is null" : ""} as workspace_live,
  ${keyAllowedSql(kind, features, given)} as key_allowed,
  ${kind === "workspace_api_key" ? "'write'" : userPermissionSql(features)} as permission
from (select 1) as always
left join public.workspace w on w.id = ${given.workspace}
${kind === "workspace_api_key" ? "" : userJoinsSql(features, given)}`;
}

/** How the statement refers to what it is given. */
export interface PermissionParameters {
  workspace: string;
  user: string;
  credential: string;
  proof: string;
}

const PARAMETERS: PermissionParameters = { workspace: "$1", user: "$2", credential: "$3", proof: "$4" };

function credentialSql(
  kind: Principal["kind"],
  features: SimFeatures,
  { user, credential, proof }: PermissionParameters,
): string {
  const unbanned = andUnbanned(features, NOW_UTC);
  const unexpired = `and (k.expires_at is null or k.expires_at > ${NOW_UTC})`;
  switch (kind) {
    case "session":
      return `exists (select from public.session s join public."user" u on u.id = s.user_id
    where s.id = ${credential} and encode(sha256(convert_to(s.token, 'UTF8')), 'hex') = ${proof} and s.user_id = ${user} and s.expires_at > ${NOW_UTC} ${unbanned})`;
    case "personal_api_key":
      return `exists (select from public.api_key k join public."user" u on u.id = k.user_id
    where k.id = ${credential} and k.key_hash = ${proof} and k.user_id = ${user} and k.type = 'personal' ${unexpired} ${unbanned})`;
    case "workspace_api_key":
      return `(${user}::text is null and exists (select from public.api_key k join public."user" u on u.id = k.user_id
    where k.id = ${credential} and k.key_hash = ${proof} and k.type = 'workspace' ${unexpired} ${unbanned}))`;
    case "internal":
      return `(${credential}::text is null and ${proof}::text is null and exists (select from public."user" u where u.id = ${user} ${unbanned}))`;
  }
}

function keyAllowedSql(kind: Principal["kind"], features: SimFeatures, { workspace, credential }: PermissionParameters): string {
  if (kind === "personal_api_key" && features.allowPersonalApiKeys) return "coalesce(w.allow_personal_api_keys, true)";
  if (kind === "workspace_api_key")
    return `exists (select from public.api_key k where k.id = ${credential} and k.workspace_id = ${workspace})`;
  return "true";
}

function userPermissionSql(features: SimFeatures): string {
  const explicit = "p.permission_type::text";
  return features.workspaceOrganizationId ? `case when m.role in ('owner', 'admin') then 'admin' else ${explicit} end` : explicit;
}

function userJoinsSql(features: SimFeatures, { workspace, user }: PermissionParameters): string {
  return `left join public.permissions p on p.entity_type = 'workspace' and p.entity_id = ${workspace} and p.user_id = ${user}
${features.workspaceOrganizationId ? `left join public.member m on m.user_id = ${user} and m.organization_id = w.organization_id` : ""}`;
}
