/** The columns that came to Sim's tables over time; an older Sim lacks some of them. */
export interface SimFeatures {
  /** workspace.archived_at (2026-03): without it no workspace is ever archived. */
  workspaceArchivedAt: boolean;
  /** workspace.organization_id (2026-04): without it no one inherits admin from an organization. */
  workspaceOrganizationId: boolean;
  /** workspace.allow_personal_api_keys (2025-10): without it personal keys are always allowed. */
  allowPersonalApiKeys: boolean;
  /** user.banned and user.ban_expires (2026-03): without them no user is banned. */
  userBanned: boolean;
  /** api_key.key_hash (2026-04): without it no API key can be looked up, so none is accepted. */
  apiKeyHash: boolean;
  /** permission_group and its two tables (2026-01): without them every model is allowed. */
  permissionGroups: boolean;
}

export const CURRENT_SIM: SimFeatures = {
  workspaceArchivedAt: true,
  workspaceOrganizationId: true,
  allowPersonalApiKeys: true,
  userBanned: true,
  apiKeyHash: true,
  permissionGroups: true,
};
