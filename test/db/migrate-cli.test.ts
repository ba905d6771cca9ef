import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { listMigrations } from "../../server/db/migration-files.ts";
import { withConnection } from "../support/connection.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const { owner: ownerRole } = inject("databaseTemplate");

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

function run(args: string[], urls: Record<string, string>): Promise<{ code: unknown; output: string }> {
  const { DATABASE_URL: _url, POSTGRES_URL: _other, MIGRATION_DATABASE_URL: _third, ...env } = process.env;
  const script = fileURLToPath(new URL("../../server/db/migrate-cli.ts", import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env: { ...env, ...urls } }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

test("makes a role whose URL works, shows its password once and no other one", async () => {
  const name = `made_${randomBytes(6).toString("hex")}`;
  try {
    const made = await run(["--create-role", name], { MIGRATION_DATABASE_URL: database.superuserUrl });
    expect(made.code, made.output).toBe(0);
    const url = made.output.match(/^DATABASE_URL=(.+)$/m)?.[1] ?? "";
    await withConnection(url, async (app) => {
      const { rows } = await app.query(
        `SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user`,
      );
      expect(rows).toEqual([
        { rolname: name, rolcanlogin: true, rolsuper: false, rolbypassrls: false, rolcreatedb: false, rolcreaterole: false },
      ]);
      await app.query("SELECT FROM parlant.parlant_agent");
    });
    const again = await run(["--create-role", name], { MIGRATION_DATABASE_URL: database.superuserUrl });
    expect(again.code).toBe(0);
    expect(again.output).not.toMatch(/DATABASE_URL=|password/);
    expect(made.output).not.toContain(new URL(database.superuserUrl).password || ownerRole.password);
    await withConnection(url, (app) => app.query("SELECT FROM parlant.parlant_agent"));
  } finally {
    await withConnection(database.superuserUrl, (admin) => admin.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`));
  }
});

test("makes the role that DATABASE_URL names, with the password in it, and does not show it", async () => {
  const name = `named_${randomBytes(6).toString("hex")}`;
  const url = new URL(database.ownerUrl);
  Object.assign(url, { username: name, password: randomBytes(12).toString("hex") });
  try {
    const made = await run(["--create-role"], { MIGRATION_DATABASE_URL: database.superuserUrl, DATABASE_URL: url.href });
    expect(made).toMatchObject({ code: 0, output: expect.stringContaining(`Created the role ${name}`) });
    expect(made.output).not.toContain(url.password);
    await withConnection(url.href, (app) => app.query("SELECT FROM parlant.parlant_agent"));
  } finally {
    await withConnection(database.superuserUrl, (admin) => admin.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`));
  }
});

test("grants to the role that DATABASE_URL names", async () => {
  await database.owner.query("DROP SCHEMA parlant CASCADE");
  const done = await run([], { MIGRATION_DATABASE_URL: database.ownerUrl, DATABASE_URL: database.appUrl });
  expect(done).toMatchObject({
    code: 0,
    output: expect.stringContaining(`Applied ${(await listMigrations()).length} migrations`),
  });
  await withConnection(database.appUrl, (app) => app.query("SELECT FROM parlant.parlant_agent"));
});

test("says that the owner is no role for the server", async () => {
  const done = await run([], { DATABASE_URL: database.ownerUrl });
  expect(done).toMatchObject({ code: 0, output: expect.stringContaining("--create-role") });
});

test.each([
  ["no URL at all", [], {}, "MIGRATION_DATABASE_URL"],
  ["a URL that is none", [], { DATABASE_URL: "sim-database:secret" }, "DATABASE_URL must be a URL"],
  ["an unknown option", ["--force"], { DATABASE_URL: "postgres://a@127.0.0.1/b" }, "--create-role [name]"],
  [
    "the owner's own role to create",
    ["--create-role", "a"],
    { DATABASE_URL: "postgres://a@127.0.0.1/b" },
    "the owner's own role",
  ],
])("ends with 78 for %s", async (_, args, urls: Record<string, string>, message) => {
  const done = await run(args, urls);
  expect(done).toMatchObject({ code: 78, output: expect.stringContaining(message) });
  expect(done.output).not.toContain("secret");
});

test("ends with 1 where it fails, and shows no password", async () => {
  await database.owner.query("DROP TABLE verification");
  const done = await run([], { DATABASE_URL: database.ownerUrl });
  expect(done).toMatchObject({ code: 1, output: expect.stringContaining("public.verification") });
  expect(done.output).not.toContain(ownerRole.password);
});
