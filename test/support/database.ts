import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
// For the type of what global-setup provides.
import type {} from "./global-setup.ts";
import { asAdmin, urlAs } from "./template.ts";

const TIMESTAMP = 1114;

/** A database of one test file: a copy of the template, with Sim's tables and ours, all empty. */
export interface TestDatabase {
  /** As the server connects. */
  appUrl: string;
  /** As the owner of Sim's tables and ours, who is no superuser. */
  ownerUrl: string;
  superuserUrl: string;
  /** A connection of the owner, in UTC and with UTC dates. */
  owner: pg.Client;
  drop(): Promise<void>;
}

/** A new database, this file's alone. Drop it in afterAll. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = inject("databaseTemplate");
  const name = `${template.prefix}_${randomBytes(6).toString("hex")}`;
  await asAdmin(template.adminUrl, (admin) =>
    admin.query(`CREATE DATABASE ${name} TEMPLATE ${template.database} OWNER ${template.owner.name}`),
  );
  const ownerUrl = urlAs(template, template.owner, name);
  const owner = await connectInUtc(ownerUrl);
  return {
    appUrl: urlAs(template, template.app, name),
    ownerUrl,
    superuserUrl: urlAs(template, undefined, name),
    owner,
    async drop() {
      await owner.end();
      await asAdmin(template.adminUrl, (admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
    },
  };
}

/** A connection whose timestamps without time zone are UTC, whatever the machine's zone is. */
export async function connectInUtc(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    options: "-c TimeZone=UTC",
    types: {
      getTypeParser(oid, format) {
        return oid === TIMESTAMP ? (text: string) => new Date(`${text.replace(" ", "T")}Z`) : pg.types.getTypeParser(oid, format);
      },
    },
  });
  await client.connect();
  return client;
}

export interface UserOptions {
  id?: string;
  name?: string;
  email?: string;
  banned?: boolean;
  banExpires?: Date | null;
}

/** A user of Sim's, not banned unless told so. */
export async function makeUser(
  owner: pg.Client,
  options: UserOptions = {},
): Promise<{ id: string; name: string; email: string }> {
  const id = options.id ?? randomUUID();
  const user = { id, name: options.name ?? "Test User", email: options.email ?? `${id}@example.test` };
  await insert(owner, "user", {
    ...user,
    email_verified: true,
    banned: options.banned,
    ban_expires: options.banExpires,
    created_at: new Date(),
    updated_at: new Date(),
  });
  return user;
}

/** An organization without members. */
export async function makeOrganization(owner: pg.Client, options: { id?: string; name?: string } = {}): Promise<{ id: string }> {
  const id = options.id ?? randomUUID();
  await insert(owner, "organization", { id, name: options.name ?? "Test Organization", slug: id });
  return { id };
}

export interface MemberOptions {
  organizationId: string;
  userId: string;
  role?: "owner" | "admin" | "member";
}

/** The user is in the organization; a user can be in one only. */
export async function makeMember(owner: pg.Client, options: MemberOptions): Promise<{ id: string }> {
  const id = randomUUID();
  await insert(owner, "member", {
    id,
    organization_id: options.organizationId,
    user_id: options.userId,
    role: options.role ?? "member",
  });
  return { id };
}

export interface WorkspaceOptions {
  ownerId: string;
  id?: string;
  name?: string;
  organizationId?: string | null;
  allowPersonalApiKeys?: boolean;
  archivedAt?: Date | null;
}

/** A workspace, in which its owner is admin by a row in permissions, as Sim writes it when it creates one. */
export async function makeWorkspace(owner: pg.Client, options: WorkspaceOptions): Promise<{ id: string; name: string }> {
  const workspace = { id: options.id ?? randomUUID(), name: options.name ?? "Test Workspace" };
  const isBilled = await hasColumn(owner, "workspace", "billed_account_user_id");
  await insert(owner, "workspace", {
    ...workspace,
    owner_id: options.ownerId,
    billed_account_user_id: isBilled ? options.ownerId : undefined,
    organization_id: options.organizationId,
    allow_personal_api_keys: options.allowPersonalApiKeys,
    archived_at: options.archivedAt,
  });
  await grantPermission(owner, { userId: options.ownerId, workspaceId: workspace.id, permission: "admin" });
  return workspace;
}

export interface PermissionOptions {
  userId: string;
  workspaceId: string;
  permission: "read" | "write" | "admin";
}

/** The user's own permission in the workspace is this one from now on. */
export async function grantPermission(owner: pg.Client, { userId, workspaceId, permission }: PermissionOptions): Promise<void> {
  await owner.query(
    `INSERT INTO permissions (id, user_id, entity_type, entity_id, permission_type) VALUES ($1, $2, 'workspace', $3, $4)
     ON CONFLICT (user_id, entity_type, entity_id) DO UPDATE SET permission_type = excluded.permission_type, updated_at = now()`,
    [randomUUID(), userId, workspaceId, permission],
  );
}

export interface SessionOptions {
  token?: string;
  /** In 30 days, as Sim's, unless given. */
  expiresAt?: Date;
}

/** A session of the user's. Its token is what the database holds; a client sends it signed (signSessionToken). */
export async function makeSession(
  owner: pg.Client,
  userId: string,
  options: SessionOptions = {},
): Promise<{ id: string; token: string }> {
  const session = { id: randomUUID(), token: options.token ?? randomBytes(24).toString("base64url") };
  await insert(owner, "session", {
    ...session,
    user_id: userId,
    expires_at: options.expiresAt ?? new Date(Date.now() + 30 * 86_400_000),
    created_at: new Date(),
    updated_at: new Date(),
  });
  return session;
}

/** A session token as better-auth signs it into the cookie; not yet URL-encoded. */
export function signSessionToken(token: string, secret: string): string {
  return `${token}.${createHmac("sha256", secret).update(token).digest("base64")}`;
}

export interface ApiKeyOptions {
  userId: string;
  /** Makes it a workspace's key instead of a personal one. */
  workspaceId?: string;
  name?: string;
  expiresAt?: Date | null;
}

/** An API key of Sim's; `plain` is what a client sends, `stored` what Sim keeps in place of it. */
export async function makeApiKey(
  owner: pg.Client,
  options: ApiKeyOptions,
): Promise<{ id: string; plain: string; stored: string }> {
  const key = {
    id: randomUUID(),
    plain: `sk-sim-${randomBytes(24).toString("base64url")}`,
    stored: randomBytes(32).toString("hex"),
  };
  const isHashed = await hasColumn(owner, "api_key", "key_hash");
  await insert(owner, "api_key", {
    id: key.id,
    user_id: options.userId,
    workspace_id: options.workspaceId,
    created_by: options.userId,
    name: options.name ?? "Test key",
    key: key.stored,
    key_hash: isHashed ? createHash("sha256").update(key.plain).digest("hex") : undefined,
    type: options.workspaceId === undefined ? "personal" : "workspace",
    expires_at: options.expiresAt,
  });
  return key;
}

/** What Sim's tables gained from October 2025 on; `permission_group` and its two are tables of 2026. */
const LATER_COLUMNS = {
  user: ["normalized_email", "role", "banned", "ban_reason", "ban_expires"],
  session: ["impersonated_by"],
  workspace: [
    "color",
    "logo_url",
    "organization_id",
    "workspace_mode",
    "billed_account_user_id",
    "storage_used_bytes",
    "allow_personal_api_keys",
    "inbox_enabled",
    "inbox_address",
    "inbox_provider_id",
    "inbox_secret_scope",
    "inbox_mounted_secrets",
    "archived_at",
    "organization_assigned_at",
    "forked_from_workspace_id",
  ],
  api_key: ["key_hash"],
} as const;

/** The database's Sim is one of September 2025 from now on: later columns and tables are gone. */
export async function asOlderSim(owner: pg.Client): Promise<void> {
  const columns = Object.entries(LATER_COLUMNS).map(
    ([table, names]) => `ALTER TABLE "${table}" ${names.map((name) => `DROP COLUMN ${name}`).join(", ")}`,
  );
  await owner.query(
    [
      ...columns,
      "DROP TABLE permission_group_member, permission_group_workspace, permission_group",
      "DROP TYPE workspace_mode",
    ].join(";"),
  );
}

async function hasColumn(owner: pg.Client, table: string, column: string): Promise<boolean> {
  const { rows } = await owner.query(
    "SELECT FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2 AND NOT attisdropped",
    [pg.escapeIdentifier(table), column],
  );
  return rows.length > 0;
}

/** Inserts a row; a column whose value is undefined is left to its default. */
async function insert(
  owner: pg.Client,
  table: string,
  row: Record<string, string | boolean | Date | null | undefined>,
): Promise<void> {
  const given = Object.entries(row).filter(([, value]) => value !== undefined);
  // A timestamp column drops a zone that pg would write: only the ISO form in UTC means the same everywhere.
  const values = given.map(([, value]) => (value instanceof Date ? value.toISOString() : value));
  const columns = given.map(([column]) => pg.escapeIdentifier(column)).join(", ");
  await owner.query(
    `INSERT INTO ${pg.escapeIdentifier(table)} (${columns}) VALUES (${given.map((_, index) => `$${index + 1}`).join(", ")})`,
    values,
  );
}
