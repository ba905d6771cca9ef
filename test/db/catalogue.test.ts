import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { SIM_COLUMNS } from "../../server/db/probe-sim.ts";
import { APP_FUNCTIONS, APP_TABLE_PRIVILEGES } from "../../server/db/roles.ts";
import { createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let owner: pg.Client;
const appRole = inject("databaseTemplate").app.name;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = database.owner;
});
afterAll(() => database.drop());

/** Every way in which the catalogue of our schema falls short of what it promises, a sentence each. */
async function auditCatalogue(): Promise<string[]> {
  const { rows } = await owner.query<{ violation: string }>(
    `WITH ours AS (
      SELECT c.oid, relname AS name, relrowsecurity AND relforcerowsecurity AS forced, relispartition
      FROM pg_class c WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p') AND relname <> '_prisma_migrations')
    SELECT format('%s: row-level security is not forced', name) AS violation FROM ours WHERE NOT forced
    UNION ALL
    SELECT format('%s: no policy bounds both what is read and what is written by the workspace', name) FROM ours
    WHERE NOT relispartition AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = ours.oid AND polcmd = '*' AND polpermissive
      AND pg_get_expr(polqual, polrelid) ~ '^\\(workspace_id = NULLIF\\(current_setting\\(''app.workspace_id''::text, true\\), ''''::text\\)\\)$'
      AND pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid))
    UNION ALL
    SELECT format('%s: has more than one policy, and any of them lets a row through', name) FROM ours
    WHERE (SELECT count(*) FROM pg_policy WHERE polrelid = ours.oid) > 1
    UNION ALL
    SELECT format('%s: is not led by workspace_id', indexrelid::regclass) FROM pg_index JOIN ours ON ours.oid = indrelid
    WHERE (indisunique OR indisprimary) AND NOT EXISTS
      (SELECT FROM pg_attribute WHERE attrelid = indrelid AND attnum = indkey[0] AND attname = 'workspace_id')
    UNION ALL
    SELECT format('%s: has no primary key', name) FROM ours
    WHERE NOT EXISTS (SELECT FROM pg_index WHERE indrelid = ours.oid AND indisprimary)
    UNION ALL
    SELECT format('%s: refers to another table of ours without its workspace', conname) FROM pg_constraint
    WHERE contype = 'f' AND conrelid IN (SELECT oid FROM ours) AND confrelid IN (SELECT oid FROM ours) AND NOT EXISTS (
      SELECT FROM pg_attribute own, pg_attribute other
      WHERE own.attrelid = conrelid AND own.attnum = conkey[1] AND own.attname = 'workspace_id'
        AND other.attrelid = confrelid AND other.attnum = confkey[1] AND other.attname = 'workspace_id')
    UNION ALL
    SELECT format('%s: is not validated', conname) FROM pg_constraint WHERE conrelid IN (SELECT oid FROM ours) AND NOT convalidated
    UNION ALL
    SELECT format('%s: is SECURITY DEFINER', oid::regprocedure) FROM pg_proc
    WHERE pronamespace = 'parlant'::regnamespace AND prosecdef
    UNION ALL
    SELECT format('%s: may be executed by PUBLIC', p.oid::regprocedure)
    FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner)))
    WHERE pronamespace = 'parlant'::regnamespace AND grantee = 0
    UNION ALL
    SELECT format('%s: PUBLIC has %s', relname, privilege_type) FROM pg_class, aclexplode(relacl)
    WHERE relnamespace = 'parlant'::regnamespace AND grantee = 0
    ORDER BY 1`,
  );
  return rows.map(({ violation }) => violation);
}

const TABLE_PRIVILEGES = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];

/** All that the application role may do with tables and functions, however it came by it. */
async function readEffectivePrivileges(): Promise<string[]> {
  const { rows } = await owner.query<{ privilege: string }>(
    `WITH relation AS (
      SELECT oid, format('%s.%s', relnamespace::regnamespace, relname) AS name FROM pg_class
      WHERE relnamespace IN ('parlant'::regnamespace, 'public'::regnamespace) AND relkind IN ('r', 'p', 'v', 'S'))
    SELECT name || ' ' || privilege AS privilege FROM relation, unnest($2::text[]) AS privilege
      WHERE has_table_privilege($1, oid, privilege)
    UNION ALL
    SELECT format('%s.%s %s', name, attname, privilege)
      FROM relation JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped,
        unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS privilege
      WHERE has_column_privilege($1, oid, attnum, privilege) AND NOT has_table_privilege($1, oid, privilege)
    UNION ALL
    SELECT oid::regprocedure || ' EXECUTE' FROM pg_proc
      WHERE pronamespace = 'parlant'::regnamespace AND has_function_privilege($1, oid, 'EXECUTE')`,
    [appRole, TABLE_PRIVILEGES],
  );
  return rows.map(({ privilege }) => privilege).sort();
}

const LISTED = [
  ...Object.entries(APP_TABLE_PRIVILEGES).flatMap(([table, privileges]) => privileges.map((one) => `parlant.${table} ${one}`)),
  ...Object.entries(SIM_COLUMNS).flatMap(([table, { always, since }]) =>
    [...always, ...since].map((column) => `public.${table}.${column} SELECT`),
  ),
  ...APP_FUNCTIONS.map((signature) => `${signature} EXECUTE`),
].sort();

describe("the catalogue of our schema", () => {
  test("bounds every table, key, index, foreign key and function by the workspace", async () => {
    expect(await auditCatalogue()).toEqual([]);
  });

  test("gives the application role what is listed and nothing else", async () => {
    expect(await readEffectivePrivileges()).toEqual(LISTED);
    expect(LISTED).not.toContain("public.api_key.key SELECT");
    expect(LISTED.filter((privilege) => privilege.startsWith("public.account"))).toEqual([]);
  });

  test.each([
    [
      "a table without row-level security",
      "CREATE TABLE parlant.stray (workspace_id text PRIMARY KEY)",
      "stray: row-level security",
    ],
    ["a table without a policy", "CREATE TABLE parlant.stray (workspace_id text PRIMARY KEY)", "stray: no policy bounds both"],
    [
      "a policy that lets every row be written",
      `DROP POLICY workspace_isolation ON parlant.parlant_agent;
       CREATE POLICY workspace_isolation ON parlant.parlant_agent
         USING (workspace_id = nullif(current_setting('app.workspace_id', true), '')) WITH CHECK (true)`,
      "parlant_agent: no policy bounds both",
    ],
    ["a second policy", "CREATE POLICY open ON parlant.parlant_agent USING (true)", "parlant_agent: has more than one policy"],
    [
      "row-level security that is not forced",
      "ALTER TABLE parlant.parlant_agent NO FORCE ROW LEVEL SECURITY",
      "parlant_agent: row-level",
    ],
    [
      "a unique index across workspaces",
      "CREATE UNIQUE INDEX stray ON parlant.parlant_agent (name)",
      "parlant.stray: is not led by",
    ],
    [
      "a foreign key across workspaces",
      `CREATE UNIQUE INDEX stray ON parlant.parlant_agent (id);
       ALTER TABLE parlant.parlant_agent_grant ADD CONSTRAINT across FOREIGN KEY (agent_id) REFERENCES parlant.parlant_agent (id)`,
      "across: refers to another table",
    ],
    [
      "a function with its owner's rights",
      "CREATE FUNCTION parlant.stray() RETURNS void LANGUAGE sql SECURITY DEFINER AS ''",
      "parlant.stray(): is SECURITY DEFINER",
    ],
  ])("is found wanting with %s", async (_, script, violation) => {
    await owner.query("BEGIN");
    await owner.query(script);
    const found = await auditCatalogue();
    await owner.query("ROLLBACK");
    expect(found).toContainEqual(expect.stringContaining(violation));
  });

  test("shows a privilege too many", async () => {
    await owner.query("BEGIN");
    await owner.query(`GRANT DELETE ON parlant.parlant_agent TO ${appRole}; GRANT SELECT (password) ON account TO ${appRole}`);
    const found = await readEffectivePrivileges();
    await owner.query("ROLLBACK");
    expect(found.filter((privilege) => !LISTED.includes(privilege))).toEqual([
      "parlant.parlant_agent DELETE",
      "public.account.password SELECT",
    ]);
  });
});

describe("the application role by itself", () => {
  let app: pg.Client;
  let workspaces: [a: string, b: string];
  let agents: [a: string, b: string];

  beforeAll(async () => {
    app = new pg.Client(database.appUrl);
    await app.connect();
    const user = await makeUser(owner);
    workspaces = [(await makeWorkspace(owner, { ownerId: user.id })).id, (await makeWorkspace(owner, { ownerId: user.id })).id];
    agents = [randomUUID(), randomUUID()];
    for (const [index, workspaceId] of workspaces.entries()) {
      await inWorkspace(workspaceId, async () => {
        await insertAgent(workspaceId, agents[index]);
        await app.query("INSERT INTO parlant.parlant_workspace_state (workspace_id, key_salt) VALUES ($1, $2)", [
          workspaceId,
          Buffer.alloc(32),
        ]);
        await app.query(
          `INSERT INTO parlant.parlant_audit_event (workspace_id, id, occurred_at, action, outcome, actor_kind)
           VALUES ($1, $2, now(), 'agent.create', 'success', 'session')`,
          [workspaceId, randomUUID()],
        );
      });
    }
  });
  afterAll(() => app.end());
  beforeEach(async () => {
    await app.query("ROLLBACK");
  });

  const TENANT_TABLES = Object.keys(APP_TABLE_PRIVILEGES).filter((table) => table !== "_prisma_migrations");

  async function inWorkspace(workspaceId: string, work: () => Promise<unknown>): Promise<void> {
    await app.query("BEGIN");
    await app.query("SELECT parlant.parlant_enter_system($1, 'test')", [workspaceId]);
    await work();
    await app.query("COMMIT");
  }

  function insertAgent(workspaceId: string, id: string | undefined) {
    return app.query(
      `INSERT INTO parlant.parlant_agent (workspace_id, id, name, name_key, boundary, boundary_key_version, created_at, updated_at)
       VALUES ($1, $2, 'Scout', $3, '', 1, now(), now())`,
      [workspaceId, id, randomUUID()],
    );
  }

  async function workspacesSeen(table: string): Promise<string[]> {
    const { rows } = await app.query<{ workspace_id: string }>(`SELECT DISTINCT workspace_id FROM parlant.${table}`);
    return rows.map((row) => row.workspace_id);
  }

  test("sees no row of any table, on a fresh connection and on one that has been in a workspace", async () => {
    const fresh = new pg.Client(database.appUrl);
    await fresh.connect();
    const { rows } = await fresh.query("SELECT FROM parlant.parlant_agent");
    await fresh.end();
    expect(rows).toEqual([]);
    for (const table of TENANT_TABLES) expect(await workspacesSeen(table)).toEqual([]);
  });

  test("sees one workspace's rows in it and nothing of another's", async () => {
    for (const table of ["parlant_agent", "parlant_workspace_state", "parlant_audit_event"]) {
      for (const workspaceId of workspaces) {
        await inWorkspace(workspaceId, async () => expect(await workspacesSeen(table)).toEqual([workspaceId]));
      }
    }
  });

  test("cannot write into another workspace", async () => {
    const [a, b] = workspaces;
    await expect(inWorkspace(a, () => insertAgent(b, randomUUID()))).rejects.toMatchObject({ code: "42501" });
    await app.query("ROLLBACK");
    await expect(
      inWorkspace(a, () => app.query("UPDATE parlant.parlant_agent SET workspace_id = $1", [b])),
    ).rejects.toMatchObject({ code: "42501" });
    await app.query("ROLLBACK");
    await inWorkspace(a, async () => {
      const { rowCount } = await app.query("UPDATE parlant.parlant_agent SET name = 'Taken' WHERE id = $1", [agents[1]]);
      expect(rowCount).toBe(0);
    });
  });

  test("cannot refer to another workspace's agent", async () => {
    const grant = (agentId: string) =>
      app.query(
        `INSERT INTO parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, created_at, updated_at)
         VALUES ($1, $2, 'someone', 'view', now(), now())`,
        [workspaces[0], agentId],
      );
    await expect(inWorkspace(workspaces[0], () => grant(agents[1]))).rejects.toMatchObject({ code: "23503" });
    await app.query("ROLLBACK");
    await inWorkspace(workspaces[0], () => grant(agents[0]));
  });

  test.each(TENANT_TABLES)("cannot truncate %s", async (table) => {
    await expect(app.query(`TRUNCATE parlant.${table}`)).rejects.toMatchObject({ code: "42501" });
  });

  test("cannot read a partition of the audit trail past its parent", async () => {
    const { rows } = await owner.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'parlant.parlant_audit_event'::regclass",
    );
    expect(rows.length).toBeGreaterThan(24);
    for (const { name } of rows) await expect(app.query(`SELECT FROM ${name}`)).rejects.toMatchObject({ code: "42501" });
  });

  test("cannot change or remove what the audit trail says", async () => {
    await expect(app.query("UPDATE parlant.parlant_audit_event SET action = ''")).rejects.toMatchObject({ code: "42501" });
    await expect(app.query("DELETE FROM parlant.parlant_audit_event")).rejects.toMatchObject({ code: "42501" });
  });

  test("cannot enter a workspace with a decision that no longer holds", async () => {
    await app.query("BEGIN");
    const enter = app.query("SELECT parlant.parlant_enter($1, 'read', 'admin')", [workspaces[0]]);
    await expect(enter).rejects.toMatchObject({ code: "PA001" });
  });
});
