import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DemoSeed, seedDemo } from "../../prisma/seed.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const secrets = { demoApiKey: `sk-sim-${"k".repeat(32)}`, demoSessionToken: "t".repeat(32) };
const TABLES = ["user", "organization", "member", "workspace", "permissions", "api_key", "session"];

let db: TestDatabase;
let seed: DemoSeed;
beforeAll(async () => {
  db = await createTestDatabase();
  seed = await seedDemo(db.owner, secrets);
});
afterAll(() => db?.drop());

async function countRows(): Promise<Record<string, number>> {
  const counts = TABLES.map((table) => `(SELECT count(*)::int FROM "${table}") AS "${table}"`);
  return (await db.owner.query(`SELECT ${counts.join(", ")}`)).rows[0];
}

test("the demo has an admin, a writer and a reader in one workspace of an organization that the admin owns", async () => {
  const { rows } = await db.owner.query(
    `SELECT u.id, m.role, p.permission_type FROM "user" u JOIN member m ON m.user_id = u.id
     JOIN workspace w ON w.organization_id = m.organization_id AND w.id = $1
     JOIN permissions p ON p.user_id = u.id AND p.entity_type = 'workspace' AND p.entity_id = w.id ORDER BY u.id`,
    [seed.workspaceId],
  );
  expect(rows).toEqual([
    { id: seed.users.ada.id, role: "owner", permission_type: "admin" },
    { id: seed.users.edsger.id, role: "member", permission_type: "read" },
    { id: seed.users.grace.id, role: "member", permission_type: "write" },
  ]);
});

test("the admin's key is found by its hash, and her session lasts 30 days of UTC", async () => {
  const hash = createHash("sha256").update(secrets.demoApiKey).digest("hex");
  const { rows: keys } = await db.owner.query("SELECT user_id, type, workspace_id FROM api_key WHERE key_hash = $1", [hash]);
  expect(keys).toEqual([{ user_id: seed.users.ada.id, type: "personal", workspace_id: null }]);
  const { rows: sessions } = await db.owner.query(
    `SELECT user_id, expires_at - (now() AT TIME ZONE 'UTC') BETWEEN interval '29 days 23 hours' AND interval '30 days' AS lasts
     FROM session WHERE token = $1`,
    [secrets.demoSessionToken],
  );
  expect(sessions).toEqual([{ user_id: seed.users.ada.id, lasts: true }]);
});

test("seeding again adds nothing, renews the session and both credentials, and undoes nobody's change", async () => {
  const before = await countRows();
  await db.owner.query("UPDATE session SET expires_at = '2020-01-01'");
  await db.owner.query("UPDATE permissions SET permission_type = 'read' WHERE user_id = $1", [seed.users.grace.id]);
  const other = { demoApiKey: `sk-sim-${"o".repeat(32)}`, demoSessionToken: "o".repeat(32) };
  expect(await seedDemo(db.owner, other)).toEqual(seed);

  expect(await countRows()).toEqual(before);
  const { rows } = await db.owner.query(
    `SELECT token, session.expires_at > now() AT TIME ZONE 'UTC' AS valid, key,
       (SELECT permission_type FROM permissions WHERE user_id = $1) AS permission FROM session, api_key`,
    [seed.users.grace.id],
  );
  expect(rows).toEqual([{ token: other.demoSessionToken, valid: true, key: other.demoApiKey, permission: "read" }]);
});

test("a seed that fails leaves nothing of itself", async () => {
  const empty = await createTestDatabase();
  try {
    await expect(seedDemo(empty.owner, { ...secrets, demoSessionToken: "\0" })).rejects.toThrow();
    expect((await empty.owner.query(`SELECT count(*)::int AS n FROM "user"`)).rows).toEqual([{ n: 0 }]);
  } finally {
    await empty.drop();
  }
});
