import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { type MigrateOptions, migrate } from "../../server/db/migrate.ts";
import { listMigrations } from "../../server/db/migration-files.ts";
import { lowestIdAt } from "../../server/shared/ids.ts";
import { withConnection } from "../support/connection.ts";
import {
  asOlderSim,
  createTestDatabase,
  makeApiKey,
  makeMember,
  makeOrganization,
  makeSession,
  makeUser,
  makeWorkspace,
  type TestDatabase,
} from "../support/database.ts";

const SIM_MIGRATION_LOCK = "4961002270";
const { app: appRole } = inject("databaseTemplate");
const MIGRATIONS = (await listMigrations()).map(({ name }) => name);

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

function migrateAsOwner(options: Partial<MigrateOptions> = {}) {
  return migrate({ url: database.ownerUrl, appRole: { name: appRole.name, create: false }, ...options });
}

/** A Sim that has never heard of us. */
async function withoutOurs(): Promise<void> {
  await database.owner.query("DROP SCHEMA parlant CASCADE");
}

/** A schema as the catalogue holds it, and every row, as text lines; foreign keys to us are the one thing left out. */
async function snapshot(schema: "public" | "parlant"): Promise<string[]> {
  const { rows } = await database.owner.query<{ line: string }>(
    `WITH relation AS (SELECT *, pg_class.oid::regclass AS name FROM pg_class WHERE relnamespace = $1::regnamespace)
    SELECT format('%s %s %s %s %s', name, relkind, relacl, relrowsecurity, relforcerowsecurity) AS line FROM relation
    UNION ALL
    SELECT format('%s.%s %s %s %s %s', name, attname, atttypid::regtype, attnotnull, attacl, pg_get_expr(adbin, adrelid))
      FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    UNION ALL
    SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = $1::regnamespace
    UNION ALL
    SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN relation ON relation.oid = indrelid
    UNION ALL
    SELECT format('%s %s', name, tgname) FROM pg_trigger JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT format('%s %s', typname, typtype) FROM pg_type WHERE typnamespace = $1::regnamespace
    UNION ALL
    SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = $1::regnamespace
    UNION ALL
    SELECT format('%s %s', name, query_to_xml(format('SELECT * FROM %s AS row ORDER BY row::text', name), true, true, ''))
      FROM relation WHERE relkind = 'r'
    ORDER BY 1`,
    [schema],
  );
  return rows.map(({ line }) => line);
}

async function fillSim(): Promise<{ workspaceId: string }> {
  const { owner } = database;
  const user = await makeUser(owner);
  const organization = await makeOrganization(owner);
  await makeMember(owner, { organizationId: organization.id, userId: user.id, role: "owner" });
  const workspace = await makeWorkspace(owner, { ownerId: user.id, organizationId: organization.id });
  await makeSession(owner, user.id);
  await makeApiKey(owner, { userId: user.id, workspaceId: workspace.id });
  return { workspaceId: workspace.id };
}

describe("migrating", () => {
  test("a second time changes nothing", async () => {
    const before = [await snapshot("public"), await snapshot("parlant")];
    expect(await migrateAsOwner()).toEqual({ applied: [] });
    expect([await snapshot("public"), await snapshot("parlant")]).toEqual(before);
  });

  test("leaves a filled Sim as it was, and a changed column would show", async () => {
    await withoutOurs();
    await fillSim();
    const before = await snapshot("public");
    expect(before.join("\n")).toContain("Test Organization");
    expect((await migrateAsOwner()).applied).toEqual(MIGRATIONS);
    expect(await snapshot("public")).toEqual(before);
    const { rows } = await database.owner.query(
      "SELECT relname FROM pg_class WHERE relname = '_prisma_migrations' AND relnamespace = 'public'::regnamespace",
    );
    expect(rows).toEqual([]);
    await database.owner.query("ALTER TABLE workspace ALTER COLUMN color SET DEFAULT 'red'");
    expect(await snapshot("public")).not.toEqual(before);
  });

  test("twice at once: one waits for the other, and both succeed", async () => {
    await withoutOurs();
    const results = await Promise.all([migrateAsOwner(), migrateAsOwner()]);
    expect(results.map(({ applied }) => applied).sort((a, b) => a.length - b.length)).toEqual([[], MIGRATIONS]);
  });

  test("waits for Sim's own migrations, and changes nothing meanwhile", async () => {
    await withoutOurs();
    await withConnection(database.ownerUrl, async (sim) => {
      await sim.query(`SELECT pg_advisory_lock(${SIM_MIGRATION_LOCK})`);
      await expect(migrateAsOwner({ waitMs: 0 })).rejects.toThrow("Another migration, Sim's or ours, was still running");
      expect(
        await snapshot("public").then(() => database.owner.query("SELECT to_regnamespace('parlant') AS ours")),
      ).toMatchObject({
        rows: [{ ours: null }],
      });
      const lines: string[] = [];
      const waiting = migrateAsOwner({
        log(line) {
          lines.push(line);
          if (line.includes("waiting for it to end")) sim.query(`SELECT pg_advisory_unlock(${SIM_MIGRATION_LOCK})`);
        },
      });
      expect((await waiting).applied).toEqual(MIGRATIONS);
      expect(lines[0]).toContain("waiting for it to end");
    });
  });

  test("lets go of a lock that is not to be had, and comes back for it", async () => {
    await withoutOurs();
    await withConnection(database.ownerUrl, async (busy) => {
      await busy.query("BEGIN; LOCK TABLE workspace IN ACCESS EXCLUSIVE MODE");
      const locks = { lockTimeoutMs: 50, attempts: 5, backoffMs: 10 };
      let retries = 0;
      const result = await migrateAsOwner({
        locks,
        log(line) {
          if (line.startsWith("Migrations: a lock was not to be had") && ++retries === 2) busy.query("ROLLBACK");
        },
      });
      expect(result.applied).toEqual(MIGRATIONS);
      const { rows } = await database.owner.query(
        "SELECT count(*)::int AS failed FROM parlant._prisma_migrations WHERE rolled_back_at IS NOT NULL AND migration_name = $1",
        [MIGRATIONS.find((name) => name.endsWith("_workspace_state_foreign_key"))],
      );
      expect(rows).toEqual([{ failed: retries }]);
    });
  });

  test("gives up on a lock after the last attempt, and the next call carries on from there", async () => {
    await withoutOurs();
    await withConnection(database.ownerUrl, async (busy) => {
      await busy.query("BEGIN; LOCK TABLE workspace IN ACCESS EXCLUSIVE MODE");
      const locks = { lockTimeoutMs: 50, attempts: 2, backoffMs: 10 };
      await expect(migrateAsOwner({ locks })).rejects.toThrow(/_workspace_state_foreign_key failed: .*lock timeout/);
    });
    expect((await migrateAsOwner()).applied).toEqual(MIGRATIONS.slice(2));
  });

  test("applies no migration again of which a killed process saw no end", async () => {
    await database.owner.query(
      `ALTER TABLE parlant.parlant_agent DROP CONSTRAINT parlant_agent_workspace_id_fkey;
       DELETE FROM parlant._prisma_migrations WHERE migration_name LIKE '%agent_foreign_key';
       CREATE FUNCTION parlant.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
       CREATE TRIGGER die BEFORE UPDATE ON parlant._prisma_migrations FOR EACH ROW
         WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION parlant.die()`,
    );
    await expect(migrateAsOwner()).rejects.toThrow("killed");
    await database.owner.query("DROP TRIGGER die ON parlant._prisma_migrations; DROP FUNCTION parlant.die()");
    expect((await migrateAsOwner()).applied).toEqual(MIGRATIONS.filter((name) => name.endsWith("_validate_agent_foreign_key")));
  });

  test("finds an orphan although the owner's own sight is bounded by row-level security", async () => {
    await database.owner.query(
      `ALTER TABLE parlant.parlant_agent DROP CONSTRAINT parlant_agent_workspace_id_fkey, NO FORCE ROW LEVEL SECURITY;
       DELETE FROM parlant._prisma_migrations WHERE migration_name LIKE '%agent_foreign_key'`,
    );
    await insertAgent(database.owner, "no-such-workspace");
    await database.owner.query("ALTER TABLE parlant.parlant_agent FORCE ROW LEVEL SECURITY");
    await expect(migrateAsOwner()).rejects.toThrow(/_validate_agent_foreign_key failed: .*violates foreign key/);
  });

  test("names what is missing of Sim's tables, and makes nothing", async () => {
    await withoutOurs();
    await database.owner.query("DROP TABLE verification; ALTER TABLE api_key DROP COLUMN type CASCADE");
    await expect(migrateAsOwner()).rejects.toThrow("public.verification, public.api_key.type");
    await expect(migrateAsOwner({ withSimTables: true })).rejects.toThrow("public.verification, public.api_key.type");
    const { rows } = await database.owner.query("SELECT to_regnamespace('parlant') AS ours");
    expect(rows).toEqual([{ ours: null }]);
  });

  test("makes Sim's tables in an empty database, when asked", async () => {
    const before = await snapshot("public");
    await withoutOurs();
    await database.owner.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    await expect(migrateAsOwner()).rejects.toThrow("public.user, public.session");
    expect((await migrateAsOwner({ withSimTables: true })).applied).toEqual(MIGRATIONS);
    expect(await snapshot("public")).toEqual(before);
  });

  test("an older Sim gets grants on the columns that it has", async () => {
    await withoutOurs();
    await asOlderSim(database.owner);
    await migrateAsOwner();
    await withConnection(database.appUrl, async (app) => {
      await app.query('SELECT id, email FROM "user"');
      await expect(app.query("SELECT key FROM api_key")).rejects.toMatchObject({ code: "42501" });
    });
  });
});

function insertAgent(client: pg.Client, workspaceId: string) {
  return client.query(
    `INSERT INTO parlant.parlant_agent (workspace_id, id, name, name_key, boundary, boundary_key_version, created_at, updated_at)
     VALUES ($1, $2, 'Scout', 'scout', '', 1, now(), now())`,
    [workspaceId, randomUUID()],
  );
}

test("a workspace that Sim's ordinary owner deletes takes our rows with it, and leaves the audit trail", async () => {
  const { workspaceId } = await fillSim();
  await withConnection(database.appUrl, async (app) => {
    await app.query("BEGIN");
    await app.query("SELECT parlant.parlant_enter_system($1, 'test')", [workspaceId]);
    await insertAgent(app, workspaceId);
    await app.query(
      `INSERT INTO parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, created_at, updated_at)
       SELECT workspace_id, id, 'someone', 'view', now(), now() FROM parlant.parlant_agent`,
    );
    await app.query("INSERT INTO parlant.parlant_workspace_state (workspace_id, key_salt) VALUES ($1, $2)", [
      workspaceId,
      Buffer.alloc(32),
    ]);
    await app.query(
      `INSERT INTO parlant.parlant_idempotency_key (workspace_id, principal, key, procedure, request_hash, response, created_at)
       VALUES ($1, 'someone', 'key', 'agents.create', '', '{}', now())`,
      [workspaceId],
    );
    await app.query(
      `INSERT INTO parlant.parlant_audit_event (workspace_id, id, occurred_at, action, outcome, actor_kind)
       VALUES ($1, $2, now(), 'agent.create', 'success', 'session')`,
      [workspaceId, lowestIdAt(Date.now())],
    );
    await app.query("COMMIT");
  });
  const counts = () =>
    withConnection(database.superuserUrl, async (admin) => {
      const { rows } = await admin.query(
        `SELECT (SELECT count(*)::int FROM parlant.parlant_agent) AS agents,
          (SELECT count(*)::int FROM parlant.parlant_agent_grant) AS grants,
          (SELECT count(*)::int FROM parlant.parlant_workspace_state) AS states,
          (SELECT count(*)::int FROM parlant.parlant_idempotency_key) AS answers,
          (SELECT count(*)::int FROM parlant.parlant_audit_event) AS audit`,
      );
      return rows[0];
    });
  expect(await counts()).toEqual({ agents: 1, grants: 1, states: 1, answers: 1, audit: 1 });
  await database.owner.query("DELETE FROM workspace WHERE id = $1", [workspaceId]);
  // The removal is recorded in its own transaction.
  expect(await counts()).toEqual({ agents: 0, grants: 0, states: 0, answers: 0, audit: 2 });
});
