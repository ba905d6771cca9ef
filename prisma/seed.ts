import { createHash } from "node:crypto";
import type pg from "pg";

/** What the demo's user signs in with; both are kept where the other secrets of the embedded server are. */
export interface DemoSecrets {
  demoApiKey: string;
  demoSessionToken: string;
}

export interface DemoUser {
  id: string;
  name: string;
  email: string;
}

/** The ids of the demo: the same on every machine and at every start. */
export interface DemoSeed {
  organizationId: string;
  workspaceId: string;
  users: { ada: DemoUser; grace: DemoUser; edsger: DemoUser };
}

const DEMO: DemoSeed = {
  organizationId: "demo-organization",
  workspaceId: "5e1f0a86-6c1d-4c39-9f0e-2d1b3a4c5d6e",
  users: {
    ada: { id: "demo-user-ada", name: "Ada Lovelace", email: "ada@demo.example" },
    grace: { id: "demo-user-grace", name: "Grace Hopper", email: "grace@demo.example" },
    edsger: { id: "demo-user-edsger", name: "Edsger Dijkstra", email: "edsger@demo.example" },
  },
};

/** Ada owns the organization and is admin by a row of her own too, as Sim writes it for whoever creates a workspace. */
const ROLES = [
  { user: DEMO.users.ada, member: "owner", permission: "admin" },
  { user: DEMO.users.grace, member: "member", permission: "write" },
  { user: DEMO.users.edsger, member: "member", permission: "read" },
] as const;

const NOW = "(now() AT TIME ZONE 'UTC')";

/**
 * The demo is in Sim's tables: an organization, a workspace, an admin, a writer and a reader, the admin's API key and a
 * session of hers that ends in 30 days. Run again it renews the session and both credentials; rows that are there
 * otherwise stay as someone may have changed them. All or nothing.
 */
export async function seedDemo(ownerClient: pg.Client, secrets: DemoSecrets): Promise<DemoSeed> {
  await ownerClient.query("BEGIN");
  try {
    await seedOrganization(ownerClient);
    await seedUsers(ownerClient);
    await seedCredentials(ownerClient, secrets);
    await ownerClient.query("COMMIT");
  } catch (error) {
    await ownerClient.query("ROLLBACK");
    throw error;
  }
  return structuredClone(DEMO);
}

async function seedOrganization(client: pg.Client): Promise<void> {
  await client.query(
    `INSERT INTO organization (id, name, slug, created_at, updated_at) VALUES ($1, 'Demo', 'demo', ${NOW}, ${NOW})
     ON CONFLICT DO NOTHING`,
    [DEMO.organizationId],
  );
}

async function seedUsers(client: pg.Client): Promise<void> {
  for (const { user } of ROLES) {
    await client.query(
      `INSERT INTO "user" (id, name, email, normalized_email, email_verified, created_at, updated_at)
       VALUES ($1, $2, $3, $3, true, ${NOW}, ${NOW}) ON CONFLICT DO NOTHING`,
      [user.id, user.name, user.email],
    );
  }
  await client.query(
    `INSERT INTO workspace (id, name, owner_id, organization_id, workspace_mode, billed_account_user_id,
       organization_assigned_at, created_at, updated_at)
     VALUES ($1, 'Demo workspace', $2, $3, 'organization', $2, ${NOW}, ${NOW}, ${NOW}) ON CONFLICT DO NOTHING`,
    [DEMO.workspaceId, DEMO.users.ada.id, DEMO.organizationId],
  );
  for (const { user, member, permission } of ROLES) {
    await client.query(
      `INSERT INTO member (id, user_id, organization_id, role, created_at) VALUES ($1, $2, $3, $4, ${NOW})
       ON CONFLICT DO NOTHING`,
      [`${user.id}-member`, user.id, DEMO.organizationId, member],
    );
    await client.query(
      `INSERT INTO permissions (id, user_id, entity_type, entity_id, permission_type, created_at, updated_at)
       VALUES ($1, $2, 'workspace', $3, $4, ${NOW}, ${NOW}) ON CONFLICT DO NOTHING`,
      [`${user.id}-permission`, user.id, DEMO.workspaceId, permission],
    );
  }
}

/** The key is stored as by a Sim without API_ENCRYPTION_KEY: as it is; looked up it is by its hash. */
async function seedCredentials(client: pg.Client, { demoApiKey, demoSessionToken }: DemoSecrets): Promise<void> {
  const { ada } = DEMO.users;
  await client.query(
    `INSERT INTO api_key (id, user_id, created_by, name, key, key_hash, type, created_at, updated_at)
     VALUES ('demo-api-key', $1, $1, 'Demo key', $2, $3, 'personal', ${NOW}, ${NOW})
     ON CONFLICT (id) DO UPDATE SET key = excluded.key, key_hash = excluded.key_hash, updated_at = excluded.updated_at`,
    [ada.id, demoApiKey, createHash("sha256").update(demoApiKey).digest("hex")],
  );
  await client.query(
    `INSERT INTO session (id, user_id, token, expires_at, active_organization_id, created_at, updated_at)
     VALUES ('demo-session', $1, $2, ${NOW} + interval '30 days', $3, ${NOW}, ${NOW})
     ON CONFLICT (id) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at, updated_at = excluded.updated_at`,
    [ada.id, demoSessionToken, DEMO.organizationId],
  );
}
