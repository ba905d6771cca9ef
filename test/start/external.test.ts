import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { withConnection } from "../support/connection.ts";
import { createTestDatabase, makeApiKey, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";
import { type ServerProcess, type StartFailure, startProcess } from "./server-process.ts";

const MIGRATE = fileURLToPath(new URL("../../server/db/migrate-cli.ts", import.meta.url));
const SECRETS = {
  BETTER_AUTH_SECRET: "better-auth-secret-of-the-tests-0123456789",
  ISOLATION_SECRET: "isolation-secret-of-the-tests-0123456789ab",
  SIM_WEBHOOK_SECRET: "webhook-secret-of-the-tests-0123456789abcd",
  INTERNAL_API_SECRET: "internal-secret-of-the-tests-0123456789abc",
};

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

const start = (url: string, more: Record<string, string> = {}) => startProcess({ DATABASE_URL: url, ...SECRETS, ...more });
const superuser = (sql: string) => withConnection(database.superuserUrl, (admin) => admin.query(sql));

async function failureOf(starting: Promise<ServerProcess>): Promise<StartFailure> {
  return starting.then(
    () => expect.unreachable("the server started"),
    (error: StartFailure) => error,
  );
}

/** A role of the test's own, which is gone after it. */
function nameRole(): { name: string; password: string; url: string } {
  const name = `started_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  onTestFinished(async () => {
    const { rows } = await superuser(`SELECT FROM pg_roles WHERE rolname = '${name}'`);
    if (rows.length > 0) await superuser(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
  });
  return { name, password, url: Object.assign(new URL(database.ownerUrl), { username: name, password }).href };
}

describe("on an external database", { timeout: 60_000 }, () => {
  test("it serves what is there, prints no credential and seeds nothing", async () => {
    const { id: ownerId } = await makeUser(database.owner);
    const { id } = await makeWorkspace(database.owner, { ownerId });
    const { plain } = await makeApiKey(database.owner, { userId: ownerId });
    const server = await start(database.appUrl);
    expect(await (await fetch(`${server.url}/readyz`)).json()).toMatchObject({ status: "ready" });
    const answer = await fetch(`${server.url}/api/v1/workspaces/${id}/agents`, { headers: { "x-api-key": plain } });
    expect(await answer.json()).toMatchObject({ data: [] });
    const { code, output } = await server.end("SIGTERM");
    expect(code).toBe(0);
    expect(output).not.toMatch(/curl|apiKey|sk-sim-|Demo/);
  });

  test("a superuser is refused with 78, and the SQL in the message makes the role that serves", async () => {
    const failure = await failureOf(start(database.superuserUrl));
    expect(failure).toMatchObject({
      code: 78,
      message: expect.stringContaining("is a superuser: row-level security does not bind it"),
    });
    const sql = /CREATE ROLE parlant_app [^;]*;/.exec(failure.message)?.[0] ?? "";
    expect(failure.message).toContain("run: npm run db:migrate");

    const role = nameRole();
    await superuser(sql.replace("parlant_app", role.name).replace("<a new one>", role.password));
    const env = { ...process.env, DATABASE_URL: role.url, MIGRATION_DATABASE_URL: database.ownerUrl };
    await promisify(execFile)(process.execPath, [MIGRATE], { env });
    const server = await start(role.url);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(await server.end("SIGTERM")).toMatchObject({ code: 0 });
  });

  test("the owner of our tables is refused with 78", async () => {
    const failure = await failureOf(start(database.ownerUrl));
    expect(failure).toMatchObject({
      code: 78,
      message: expect.stringMatching(/ owns .*parlant.*: it can switch row-level security off/),
    });
  });

  test("a role with BYPASSRLS is refused with 78 until the SQL in the message was run", async () => {
    const role = nameRole();
    const env = { ...process.env, DATABASE_URL: role.url, MIGRATION_DATABASE_URL: database.superuserUrl };
    await promisify(execFile)(process.execPath, [MIGRATE, "--create-role"], { env });
    await superuser(`ALTER ROLE ${role.name} BYPASSRLS`);
    const failure = await failureOf(start(role.url));
    const sql = `ALTER ROLE ${role.name} NOBYPASSRLS;`;
    expect(failure).toMatchObject({ code: 78, message: expect.stringContaining(sql) });
    await superuser(sql);
    expect(await (await start(role.url)).end("SIGTERM")).toMatchObject({ code: 0 });
  });

  test("one that was never migrated is refused with 78, and migrated at the start only where that is asked for", async () => {
    const fresh = await createTestDatabase();
    onTestFinished(() => fresh.drop());
    await fresh.owner.query("DROP SCHEMA parlant CASCADE");
    expect(await failureOf(start(fresh.appUrl))).toMatchObject({
      code: 78,
      message: expect.stringContaining("No migration has been applied\n  Remedy: npm run db:migrate"),
    });
    expect(await failureOf(start(fresh.appUrl, { MIGRATE_ON_START: "true" }))).toMatchObject({
      code: 78,
      message: expect.stringContaining("MIGRATION_DATABASE_URL"),
    });
    const migrating = await start(fresh.appUrl, { MIGRATE_ON_START: "true", MIGRATION_DATABASE_URL: fresh.ownerUrl });
    expect((await fetch(`${migrating.url}/readyz`)).status).toBe(200);
    await migrating.end("SIGTERM");
  });
});
