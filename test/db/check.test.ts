import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { checkDatabase } from "../../server/db/check.ts";
import type { Finding } from "../../server/db/finding.ts";
import { asOlderSim, createTestDatabase, type TestDatabase } from "../support/database.ts";

const { owner: ownerRole, app: appRole } = inject("databaseTemplate");
const roleName = `check_${randomBytes(6).toString("hex")}`;

let database: TestDatabase;
let admin: pg.Client;

async function open(): Promise<void> {
  database = await createTestDatabase();
  admin = new pg.Client(database.superuserUrl);
  await admin.connect();
}

async function reopen(): Promise<void> {
  await admin.end();
  await database.drop();
  await open();
}

beforeAll(open);
afterAll(async () => {
  await admin.query(`DROP ROLE IF EXISTS ${roleName}`);
  await admin.end();
  await database.drop();
});

/** The findings for a role, in a session that can only read. */
async function checkAs(role: string): Promise<Finding[]> {
  const pool = new pg.Pool({
    connectionString: database.superuserUrl,
    max: 1,
    onConnect: (client) => client.query(`SET default_transaction_read_only = on; SET SESSION AUTHORIZATION ${role}`),
  });
  // A pool's end does not wait for its connections, and the next test may drop their database.
  pool.on("error", () => {});
  try {
    return await checkDatabase({ query: async (statement) => (await pool.query(statement)).rows });
  } finally {
    await pool.end();
  }
}

const unfit = (findings: Finding[]) => findings.filter(({ level }) => level === "unfit");
const degraded = (findings: Finding[]) => findings.filter(({ level }) => level === "degraded");

describe("a role", () => {
  afterEach(() => admin.query(`DROP OWNED BY ${roleName}; DROP ROLE ${roleName}`));

  /** A role with the application role's privileges, and something else. */
  async function makeRole(attributes: string): Promise<void> {
    await admin.query(`CREATE ROLE ${roleName} ${attributes}; GRANT ${appRole.name} TO ${roleName}`);
  }

  test("with the application role's privileges is fit", async () => {
    await makeRole("LOGIN");
    expect(unfit(await checkAs(roleName))).toEqual([]);
  });

  test.each([
    ["has BYPASSRLS", "BYPASSRLS"],
    ["has CREATEROLE", "CREATEROLE"],
  ])("that %s is unfit until the remedy was run", async (reason, attributes) => {
    await makeRole(attributes);
    const [finding, ...others] = unfit(await checkAs(roleName));
    expect(others).toEqual([]);
    expect(finding?.message).toContain(`The role ${roleName} ${reason}`);
    await admin.query(finding?.remedy ?? "");
    expect(unfit(await checkAs(roleName))).toEqual([]);
  });

  test.each([
    ["the tables' owner", ownerRole.name, ""],
    ["the tables' owner, without inheriting from it", ownerRole.name, "NOINHERIT"],
    ["a role that runs programs on the server", "pg_execute_server_program", ""],
  ])("that can become %s is unfit until the remedy was run", async (_, other, attributes) => {
    await makeRole(attributes);
    await admin.query(`GRANT ${other} TO ${roleName}`);
    const findings = unfit(await checkAs(roleName));
    const finding = findings.find(({ message }) => message.includes(`can become ${other}`));
    expect(finding?.remedy).toContain(`REVOKE ${other} FROM ${roleName}`);
    await admin.query(finding?.remedy ?? "");
    const left = unfit(await checkAs(roleName));
    expect(left.filter(({ message }) => message.includes("can become"))).toEqual([]);
  });

  test("that can truncate is unfit until the remedy was run", async () => {
    await makeRole("");
    await admin.query(`GRANT TRUNCATE ON parlant.parlant_agent TO ${roleName}`);
    const [finding] = unfit(await checkAs(roleName));
    expect(finding?.message).toContain("TRUNCATE ON parlant.parlant_agent");
    await admin.query(finding?.remedy ?? "");
    expect(unfit(await checkAs(roleName))).toEqual([]);
  });

  test("that lacks a privilege is unfit", async () => {
    await makeRole("");
    await admin.query(`REVOKE ${appRole.name} FROM ${roleName}`);
    const messages = unfit(await checkAs(roleName)).map(({ message }) => message);
    expect(messages).toContainEqual(expect.stringContaining(`${roleName} lacks USAGE ON SCHEMA parlant, `));
    expect(messages).toContainEqual(expect.stringContaining("may not read parlant._prisma_migrations"));
  });

  test("that reads Sim's passwords or writes its tables works, but is told so", async () => {
    await makeRole("");
    await admin.query(`GRANT SELECT (password) ON account TO ${roleName}; GRANT DELETE ON session TO ${roleName}`);
    const findings = await checkAs(roleName);
    expect(unfit(findings)).toEqual([]);
    expect(degraded(findings).map(({ message }) => message)).toEqual([
      expect.stringContaining("DELETE ON public.session, SELECT ON public.account"),
    ]);
  });
});

test("the database is fit for the application role, and nothing is degraded", async () => {
  const findings = await checkAs(appRole.name);
  expect([...unfit(findings), ...degraded(findings)]).toEqual([]);
  expect(findings.map(({ message }) => message).join("\n")).toContain("pg_dump -N parlant");
});

test("the owner and a superuser are unfit, with the way to a role for the server", async () => {
  for (const role of [ownerRole.name, "CURRENT_USER"]) {
    const name = role === "CURRENT_USER" ? (await admin.query("SELECT quote_ident(current_user) AS name")).rows[0].name : role;
    const findings = unfit(await checkAs(name));
    expect(findings.map(({ message }) => message)).toEqual([
      expect.stringMatching(name === ownerRole.name ? /owns SCHEMA parlant/ : /is a superuser/),
    ]);
    expect(findings[0]?.remedy).toContain("CREATE ROLE parlant_app LOGIN NOSUPERUSER NOBYPASSRLS");
  }
});

test("row-level security that is off or not forced is unfit until the remedy was run", async () => {
  await database.owner.query("ALTER TABLE parlant.parlant_agent DISABLE ROW LEVEL SECURITY");
  await database.owner.query("ALTER TABLE parlant.parlant_audit_event_default NO FORCE ROW LEVEL SECURITY");
  const findings = unfit(await checkAs(appRole.name));
  expect(findings.map(({ message }) => message)).toEqual([
    "Row-level security is not forced on parlant.parlant_agent",
    "Row-level security is not forced on parlant.parlant_audit_event_default",
  ]);
  for (const { remedy } of findings) await database.owner.query(remedy ?? "");
  expect(unfit(await checkAs(appRole.name))).toEqual([]);
});

test("a table that lost its policy is unfit", async () => {
  await database.owner.query("DROP POLICY workspace_isolation ON parlant.parlant_idempotency_key");
  expect(unfit(await checkAs(appRole.name)).map(({ message }) => message)).toEqual([
    "parlant.parlant_idempotency_key has lost its row-level security policy",
  ]);
  await reopen();
});

test("migrations that are pending, failed or edited are named", async () => {
  await database.owner.query(
    `DELETE FROM parlant._prisma_migrations WHERE migration_name LIKE '%_validate_agent_foreign_key';
     UPDATE parlant._prisma_migrations SET finished_at = NULL WHERE migration_name LIKE '%_agent_foreign_key';
     UPDATE parlant._prisma_migrations SET checksum = 'another' WHERE migration_name LIKE '%_parlant_tables'`,
  );
  const findings = await checkAs(appRole.name);
  expect(unfit(findings).map(({ message }) => message)).toEqual([
    expect.stringMatching(/failed or never ended: \d+_agent_foreign_key$/),
    expect.stringMatching(/not applied: \d+_validate_agent_foreign_key$/),
  ]);
  expect(degraded(findings).map(({ message }) => message)).toEqual([
    expect.stringMatching(/_parlant_tables was applied from another/),
  ]);
  await reopen();
});

test("a database of a newer release is fit", async () => {
  await database.owner.query(
    `INSERT INTO parlant._prisma_migrations (id, checksum, migration_name, started_at, finished_at)
     VALUES ('next', '', '20991231000000_next', now(), now())`,
  );
  const findings = await checkAs(appRole.name);
  expect(unfit(findings)).toEqual([]);
  expect(findings.map(({ message }) => message)).toContainEqual(expect.stringContaining("and 1 of a newer release"));
  await reopen();
});

test("an older Sim is fit, and what goes without is said in words", async () => {
  await asOlderSim(database.owner);
  const findings = await checkAs(appRole.name);
  expect(unfit(findings)).toEqual([]);
  expect(degraded(findings).map(({ message }) => message.split(": ")[1])).toEqual([
    "no workspace is ever archived",
    "nobody is admin of a workspace through its organization",
    "personal API keys work in every workspace of their user",
    "no user is ever banned",
    "no API key can be looked up, so every one is refused",
    "every model is allowed to everyone",
  ]);
  await reopen();
});

test("a missing table and a missing column of Sim's are named", async () => {
  await database.owner.query("DROP TABLE verification; ALTER TABLE permissions RENAME COLUMN entity_id TO entity");
  expect(unfit(await checkAs(appRole.name)).map(({ message }) => message)).toEqual([
    "Sim's tables lack what every supported Sim has: public.verification, public.permissions.entity_id",
  ]);
  await reopen();
});

test("a month without a partition of the audit trail is told", async () => {
  await database.owner.query("DROP SCHEMA parlant CASCADE");
  expect(unfit(await checkAs(appRole.name)).map(({ message }) => message)).toContain("No migration has been applied");
  await reopen();
  const next = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1));
  const name = `parlant.parlant_audit_event_${next.toISOString().slice(0, 7).replace("-", "_")}`;
  await database.owner.query(`DROP TABLE ${name}`);
  expect(degraded(await checkAs(appRole.name)).map(({ message }) => message)).toEqual([
    expect.stringContaining(`${name} is missing`),
  ]);
  await reopen();
});

describe("npm run db:check", () => {
  function run(databaseUrl: string | undefined): Promise<{ code: unknown; output: string }> {
    const { DATABASE_URL: _url, POSTGRES_URL: _other, ...env } = process.env;
    const script = fileURLToPath(new URL("../../server/db/check-cli.ts", import.meta.url));
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [script],
        { env: databaseUrl === undefined ? env : { ...env, DATABASE_URL: databaseUrl } },
        (error, stdout, stderr) => resolve({ code: error?.code ?? 0, output: stdout + stderr }),
      );
    });
  }

  test("ends with 0 for a fit database, with 1 and the remedy for an unfit one", async () => {
    const fit = await run(database.appUrl);
    expect(fit).toMatchObject({ code: 0, output: expect.stringContaining("The database is fit") });
    const asOwner = await run(database.ownerUrl);
    expect(asOwner).toMatchObject({ code: 1, output: expect.stringContaining("CREATE ROLE parlant_app") });
    expect(asOwner.output).not.toContain(ownerRole.password);
  });

  test("ends with 78 where no database is named", async () => {
    expect(await run(undefined)).toMatchObject({ code: 78, output: expect.stringContaining("DATABASE_URL is not set") });
  });
});
