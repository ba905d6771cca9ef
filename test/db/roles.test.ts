import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { type MigrateOptions, migrate } from "../../server/db/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const { app: appRole, owner: ownerRole } = inject("databaseTemplate");

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

function migrateAsOwner(options: Partial<MigrateOptions> = {}) {
  return migrate({ url: database.ownerUrl, appRole: { name: appRole.name, create: false }, ...options });
}

const HELD = `SELECT has_table_privilege($1, 'parlant.parlant_audit_event', 'DELETE') AS "deletesEvents",
  has_table_privilege($1, 'parlant.parlant_agent', 'TRUNCATE') AS "truncatesAgents",
  has_table_privilege($1, 'parlant.parlant_audit_event_default', 'SELECT') AS "readsPartition",
  has_any_column_privilege($1, 'account', 'SELECT') AS "readsAccounts",
  has_column_privilege($1, 'api_key', 'key', 'SELECT') AS "readsKeys",
  has_schema_privilege($1, 'parlant', 'CREATE') AS "createsTables",
  has_table_privilege($1, 'parlant.parlant_agent', 'SELECT') AS "readsAgents"`;

test("the application role loses what is not listed", async () => {
  await database.owner.query(
    `GRANT DELETE, TRUNCATE ON parlant.parlant_agent, parlant.parlant_audit_event TO ${appRole.name};
     GRANT SELECT ON parlant.parlant_audit_event_default TO ${appRole.name};
     GRANT SELECT ON account TO ${appRole.name};
     GRANT SELECT (key) ON api_key TO ${appRole.name};
     GRANT CREATE ON SCHEMA parlant TO ${appRole.name}`,
  );
  const before = await database.owner.query(HELD, [appRole.name]);
  expect(Object.values(before.rows[0])).toEqual([true, true, true, true, true, true, true]);
  await migrateAsOwner();
  const after = await database.owner.query(HELD, [appRole.name]);
  expect(Object.entries(after.rows[0]).filter(([, isHeld]) => isHeld)).toEqual([["readsAgents", true]]);
});

test("the application role is refused and left as it is, where it serves Sim itself", async () => {
  await database.owner.query(`GRANT SELECT, INSERT ON session TO ${appRole.name}`);
  await expect(migrateAsOwner()).rejects.toThrow(/owns or writes 1 tables \(session\).*--create-role/);
  const { rows } = await database.owner.query("SELECT has_table_privilege($1, 'session', 'SELECT, INSERT') AS held", [
    appRole.name,
  ]);
  expect(rows).toEqual([{ held: true }]);
});

test("the application role is refused where it is the owner or is not there", async () => {
  await expect(migrateAsOwner({ appRole: { name: ownerRole.name, create: false } })).rejects.toThrow("--create-role");
  await expect(migrateAsOwner({ appRole: { name: "nobody_here", create: false } })).rejects.toThrow(
    'The role "nobody_here" does not exist',
  );
});
