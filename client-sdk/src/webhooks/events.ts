/** What every event says; in the names that Sim uses. */
interface EventOf<Type extends string, Data> {
  event_type: Type;
  workspace_id: string;
  organization_id?: string | null;
  /** Who did it, by Sim's user id. */
  triggered_by?: string | null;
  /** ISO 8601; the time of sending unless given. */
  timestamp?: string;
  data?: Data;
}

interface MemberData {
  user_id: string;
}

interface DeletionData {
  /** delete: purged at once; archive, which is the default: after the server's time to think. */
  deletion_mode?: "archive" | "delete";
  /** Whether every row is written to a file before the purge. */
  export?: boolean;
}

interface PermissionsData {
  affected_users?: string[];
}

/** What happened to a workspace in Sim. */
export type WorkspaceEvent =
  | EventOf<"workspace_created" | "workspace_updated" | "workspace_archived" | "workspace_restored", Record<never, never>>
  | EventOf<"workspace_deleted", DeletionData>
  | EventOf<"workspace_permissions_updated" | "workspace_ownership_transferred", PermissionsData>
  | EventOf<"workspace_member_added" | "workspace_member_removed", MemberData>;

export type WorkspacePermission = "read" | "write" | "admin";

/** That a user's permission in a workspace was changed, or taken away (null). */
export interface PermissionUpdate {
  event_type?: never;
  workspace_id: string;
  user_id: string;
  old_permission?: WorkspacePermission | null;
  new_permission: WorkspacePermission | null;
  updated_by?: string | null;
  /** ISO 8601; the time of sending unless given. */
  timestamp?: string;
}
