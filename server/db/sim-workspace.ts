import type { SimFeatures } from "./sim-features.ts";
import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";

/** What Sim's row says of a workspace, of that which is kept of it here. */
export interface SimSettings {
  name: string;
  ownerId: string;
  organizationId: string | null;
  allowPersonalApiKeys: boolean;
}

/** Sim's row of a workspace. */
export interface SimWorkspace {
  settings: SimSettings;
  /** To the millisecond, as it is kept here; null while the workspace is live. */
  archivedAt: Date | null;
}

/** What is kept of a row `w` of Sim's, as JSON; a Sim that lacks a column is as if it were at its default. */
export function simSettingsSql(features: SimFeatures): string {
  return `jsonb_build_object('name', w.name, 'ownerId', w.owner_id,
    'organizationId', ${features.workspaceOrganizationId ? "w.organization_id" : "null::text"},
    'allowPersonalApiKeys', ${features.allowPersonalApiKeys ? "coalesce(w.allow_personal_api_keys, true)" : "true"})`;
}

/** When a row `w` of Sim's was archived: truncated to the millisecond as JavaScript does, where PostgreSQL would round. */
export function simArchivedAtSql(features: SimFeatures): string {
  return features.workspaceArchivedAt ? "(date_trunc('milliseconds', w.archived_at) at time zone 'UTC')" : "null::timestamptz";
}

/** Reads Sim's row of a workspace; no row where Sim has none. */
export function simWorkspaceStatement(workspaceId: string, features: SimFeatures): Statement {
  const text = `select ${simSettingsSql(features)} as settings, ${simArchivedAtSql(features)} as "archivedAt"
from public.workspace w where w.id = $1`;
  return { name: statementName(text), text, values: [workspaceId] };
}
