import type { SimFeatures } from "./sim-features.ts";
import type { SimReader } from "./sim-reader.ts";

/** What the server reads of one table of Sim's; all of it is granted, nothing else is. */
interface SimColumns {
  /** Whether every supported Sim has the table. */
  required: boolean;
  /** Columns that every supported Sim has, where it has the table. */
  always: readonly string[];
  /** Columns that came later, or that nothing depends on. */
  since: readonly string[];
}

/** The columns of Sim's tables that this server reads. `account` and `api_key.key` are not among them. */
export const SIM_COLUMNS: Readonly<Record<string, SimColumns>> = {
  user: {
    required: true,
    always: ["id", "name", "email", "email_verified", "image", "created_at", "updated_at"],
    since: ["banned", "ban_expires"],
  },
  session: {
    required: true,
    always: [
      "id",
      "expires_at",
      "token",
      "created_at",
      "updated_at",
      "ip_address",
      "user_agent",
      "user_id",
      "active_organization_id",
    ],
    since: ["impersonated_by"],
  },
  verification: { required: true, always: ["id", "identifier", "value", "expires_at"], since: [] },
  organization: { required: true, always: ["id", "name", "slug", "created_at", "updated_at"], since: [] },
  member: { required: true, always: ["id", "user_id", "organization_id", "role", "created_at"], since: [] },
  workspace: {
    required: true,
    always: ["id", "name", "owner_id", "created_at", "updated_at"],
    since: ["organization_id", "archived_at", "allow_personal_api_keys"],
  },
  permissions: {
    required: true,
    always: ["id", "user_id", "entity_type", "entity_id", "permission_type", "created_at", "updated_at"],
    since: [],
  },
  api_key: {
    required: true,
    always: ["id", "user_id", "workspace_id", "name", "type", "created_at", "expires_at"],
    since: ["created_by", "key_hash", "last_used", "updated_at"],
  },
  permission_group: {
    required: false,
    always: [],
    since: ["id", "organization_id", "name", "description", "config", "created_by", "created_at", "updated_at", "is_default"],
  },
  permission_group_workspace: {
    required: false,
    always: [],
    since: ["id", "permission_group_id", "workspace_id", "organization_id", "created_at"],
  },
  permission_group_member: {
    required: false,
    always: [],
    since: ["id", "permission_group_id", "organization_id", "user_id", "assigned_by", "assigned_at"],
  },
};

/** The columns that each of these tables has, of those that the server reads; a table that is not there has no entry. */
export async function readSimColumns(reader: SimReader): Promise<Map<string, string[]>> {
  const wanted = Object.entries(SIM_COLUMNS).flatMap(([table, { always, since }]) =>
    [...always, ...since].map((column) => ({ table, column })),
  );
  // The catalogue, because information_schema hides what the reader has no grant on.
  const rows = await reader.query<{ table: string; column: string }>({
    name: "sim_columns",
    text: `SELECT wanted."table", wanted."column"
      FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted ("table", "column", position)
      JOIN pg_class ON relname = wanted."table" AND relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p', 'v')
      JOIN pg_attribute ON attrelid = pg_class.oid AND attname = wanted."column" AND NOT attisdropped AND attnum > 0
      ORDER BY wanted.position`,
    values: [wanted.map(({ table }) => table), wanted.map(({ column }) => column)],
  });
  return new Map(
    [...Map.groupBy(rows, ({ table }) => table)].map(([table, columns]) => [table, columns.map(({ column }) => column)]),
  );
}

/** What Sim's tables offer: the features that depend on later columns, and the tables and columns that are missing altogether. */
export async function probeSim(reader: SimReader): Promise<{ features: SimFeatures; missing: string[] }> {
  const found = await readSimColumns(reader);
  const has = (table: string, column: string) => found.get(table)?.includes(column) === true;
  const missing = Object.entries(SIM_COLUMNS).flatMap(([table, { required, always }]) => {
    if (!found.has(table)) return required ? [`public.${table}`] : [];
    return always.filter((column) => !has(table, column)).map((column) => `public.${table}.${column}`);
  });
  const groupTables = ["permission_group", "permission_group_workspace", "permission_group_member"];
  const features: SimFeatures = {
    workspaceArchivedAt: has("workspace", "archived_at"),
    workspaceOrganizationId: has("workspace", "organization_id"),
    allowPersonalApiKeys: has("workspace", "allow_personal_api_keys"),
    userBanned: has("user", "banned") && has("user", "ban_expires"),
    apiKeyHash: has("api_key", "key_hash"),
    // Groups are an organization's, and which one a workspace belongs to is a later column.
    permissionGroups:
      has("workspace", "organization_id") &&
      groupTables.every((table) => SIM_COLUMNS[table]?.since.every((column) => has(table, column))),
  };
  return { features, missing };
}
