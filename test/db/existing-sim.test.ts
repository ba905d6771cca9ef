import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { checkDatabase } from "../../server/db/check.ts";
import { type MigrateOptions, migrate } from "../../server/db/migrate.ts";
import { listMigrations } from "../../server/db/migration-files.ts";
import { startProcess } from "../start/server-process.ts";
import { withConnection } from "../support/connection.ts";
import { makeApiKey, makeSession, signSessionToken, type TestDatabase } from "../support/database.ts";
import { makeExistingSim, SIMS, type Sim } from "./existing-sim/make-sim.ts";
import { readStateOfSim, type StateOfSim } from "./existing-sim/state-of-sim.ts";

const MIGRATE_CLI = fileURLToPath(new URL("../../server/db/migrate-cli.ts", import.meta.url));
const SIM_MIGRATION_LOCK = "4961002270";
const { app: appRole } = inject("databaseTemplate");
const MIGRATIONS = (await listMigrations()).map(({ name }) => name);
const SECRETS = {
  BETTER_AUTH_SECRET: "better-auth-secret-of-the-tests-0123456789",
  ISOLATION_SECRET: "isolation-secret-of-the-tests-0123456789ab",
  SIM_WEBHOOK_SECRET: "webhook-secret-of-the-tests-0123456789abcd",
  INTERNAL_API_SECRET: "internal-secret-of-the-tests-0123456789abc",
};

let database: TestDatabase;

const migrateAsOwner = (options: Partial<MigrateOptions> = {}) =>
  migrate({ url: database.ownerUrl, appRole: { name: appRole.name, create: false }, ...options });
const asSuperuser = <Result>(work: (admin: pg.Client) => Promise<Result>) => withConnection(database.superuserUrl, work);
const stateOfSim = (): Promise<StateOfSim> => asSuperuser((admin) => readStateOfSim(admin, appRole.name));

async function findings() {
  return withConnection(database.appUrl, (app) =>
    checkDatabase({
      query: async <Row extends object>(statement: object) => (await app.query(statement as pg.QueryConfig)).rows as Row[],
    }),
  );
}

describe.each(SIMS)("a Sim of %s that was there first", (sim: Sim) => {
  beforeEach(async () => {
    database = await makeExistingSim(sim);
  });
  afterEach(() => database.drop());

  test("is left as it is by the migrations, by a second run of them and by the server that serves beside it", {
    timeout: 60_000,
  }, async () => {
    const before = await stateOfSim();
    expect(before.catalogue.length).toBeGreaterThan(100);
    expect(before.data["public.workspace"]).toMatch(/^4 /);
    expect((await migrateAsOwner()).applied).toEqual(MIGRATIONS);
    expect(await stateOfSim()).toEqual(before);
    expect((await migrateAsOwner()).applied).toEqual([]);
    expect(await stateOfSim()).toEqual(before);
    expect((await findings()).filter(({ level }) => level === "unfit")).toEqual([]);

    const { token } = await makeSession(database.owner, "u-plain");
    const { plain } = await makeApiKey(database.owner, { userId: "u-plain" });
    const signedIn = await stateOfSim();
    const server = await startProcess({ DATABASE_URL: database.appUrl, ...SECRETS });
    const cookie = `better-auth.session_token=${encodeURIComponent(signSessionToken(token, SECRETS.BETTER_AUTH_SECRET))}`;
    const call = (path: string, headers: Record<string, string>, body?: object) =>
      fetch(`${server.url}/api/v1/workspaces/${path}`, {
        headers: { ...headers, ...(body && { "content-type": "application/json" }) },
        ...(body && { method: "POST", body: JSON.stringify(body) }),
      });
    expect((await call("ws-1/agents", { cookie }, { name: "Scout" })).status).toBe(201);
    const listed = await call("ws-1/agents", { cookie });
    expect(await listed.json()).toMatchObject({ data: [{ name: "Scout" }] });
    // An older Sim keeps no hash by which a key could be found.
    expect((await call("ws-1/agents", { "x-api-key": plain })).status).toBe(sim === "current" ? 200 : 401);
    for (const odd of ["../../etc/", "\n", "w".repeat(2_000), "a workspace that was deleted"]) {
      expect([400, 404]).toContain((await call(`${encodeURIComponent(odd)}/agents`, { cookie })).status);
    }
    expect(await server.end("SIGTERM")).toMatchObject({ code: 0 });
    expect(await stateOfSim()).toEqual(signedIn);
  });

  test("is left as it is by a migration that was killed half-way, and the next one ends what that one began", {
    timeout: 60_000,
  }, async () => {
    const before = await stateOfSim();
    await withConnection(database.ownerUrl, async (busy) => {
      // As Sim holds it while it changes a workspace: whoever adds a foreign key to the table has to wait.
      await busy.query("BEGIN; UPDATE workspace SET name = 'Other' WHERE id = 'ws-1'");
      const child = spawn(process.execPath, [MIGRATE_CLI], {
        env: { PATH: process.env["PATH"], MIGRATION_DATABASE_URL: database.ownerUrl, DATABASE_URL: database.appUrl },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(child, "close");
      for await (const line of createInterface({ input: child.stdout })) if (line.startsWith(MIGRATIONS[1] ?? "")) break;
      await untilSomeoneWaits(busy);
      child.kill("SIGKILL");
      await ended;
      // PostgreSQL does not notice that whom it works for is gone: the statement goes on, and must not be met half-way.
      const { applied } = await migrateAsOwner({
        log(line) {
          if (line.startsWith("What an earlier migration left running")) busy.query("ROLLBACK");
        },
        locks: { lockTimeoutMs: 500, attempts: 10, backoffMs: 10 },
      });
      expect(applied).toEqual(MIGRATIONS.slice(3));
    });
    expect(await appliedMigrations()).toEqual(MIGRATIONS);
    expect(withoutRowVersions(await stateOfSim())).toEqual(withoutRowVersions(before));
    expect((await findings()).filter(({ level }) => level === "unfit")).toEqual([]);
  });

  test("goes on working while a migration waits for its long transactions and for its own migrations", {
    timeout: 60_000,
  }, async () => {
    const before = await stateOfSim();
    await withConnection(database.ownerUrl, async (sims) => {
      await sims.query(`SELECT pg_advisory_lock(${SIM_MIGRATION_LOCK})`);
      await sims.query("BEGIN; UPDATE workspace SET name = 'Other' WHERE id = 'ws-1'");
      const lines: string[] = [];
      let writes = 0;
      const migrating = migrateAsOwner({
        locks: { lockTimeoutMs: 200, attempts: 20, backoffMs: 10 },
        log(line) {
          lines.push(line);
          if (line.includes("waiting for it to end")) sims.query(`SELECT pg_advisory_unlock(${SIM_MIGRATION_LOCK})`);
          // Others of Sim's write between two attempts, and nobody queues behind ours for good.
          else if (line.startsWith("Migrations: a lock was not to be had")) {
            database.owner.query("UPDATE workspace SET name = name WHERE id = ''").then(() => {
              if (++writes === 2) sims.query("ROLLBACK");
            });
          }
        },
      });
      expect((await migrating).applied).toEqual(MIGRATIONS);
      expect(writes).toBeGreaterThanOrEqual(2);
      expect(lines[0]).toContain("waiting for it to end");
    });
    expect(withoutRowVersions(await stateOfSim())).toEqual(withoutRowVersions(before));
  });
});

describe("what is done to a Sim shows:", () => {
  beforeAll(async () => {
    database = await makeExistingSim("current");
    await migrateAsOwner();
  });
  afterAll(() => database.drop());

  test.each([
    ["a column's default", "ALTER TABLE \"user\" ALTER COLUMN name SET DEFAULT ''"],
    ["a column", "ALTER TABLE organization ADD COLUMN parlant_id uuid"],
    ["a constraint", "ALTER TABLE permissions ADD CONSTRAINT stray CHECK (entity_type <> 'x')"],
    ["an index", "CREATE INDEX stray ON session (expires_at)"],
    ["a trigger", "CREATE TRIGGER stray BEFORE UPDATE ON member FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at()"],
    ["a grant to others", "GRANT DELETE ON workspace TO PUBLIC"],
    ["a column's grant to others", 'GRANT SELECT (name) ON "user" TO PUBLIC'],
    ["a value of an enum", "ALTER TYPE permission_type ADD VALUE 'owner'"],
    ["a table in another schema", "CREATE TABLE drizzle.stray (id int)"],
    ["a setting of the table", "ALTER TABLE permissions SET (fillfactor = 70)"],
    ["a row that was written anew", "UPDATE account SET password = password"],
    ["a row more", "INSERT INTO verification (id, identifier, value, expires_at) VALUES ('x', 'x', 'x', now())"],
    ["a table that was written anew", "VACUUM FULL member"],
  ])("%s", async (_, script) => {
    const before = await stateOfSim();
    await database.owner.query(script);
    expect(await stateOfSim()).not.toEqual(before);
  });
});

/** The rows by what they say alone: Sim's own writes of a test have given some another place. */
function withoutRowVersions({ catalogue, data }: StateOfSim): StateOfSim {
  const { "public.workspace": workspaces = "", ...others } = data;
  return { catalogue, data: { ...others, "public.workspace": workspaces.split(" ", 1).join() } };
}

async function untilSomeoneWaits(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = 'public.workspace'::regclass",
    );
    if (rows[0]?.n) return;
  }
}

async function appliedMigrations(): Promise<string[]> {
  const { rows } = await database.owner.query<{ name: string }>(
    "SELECT migration_name AS name FROM parlant._prisma_migrations WHERE finished_at IS NOT NULL ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}
