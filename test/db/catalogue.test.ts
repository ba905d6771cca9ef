import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { auditCatalogue, LISTED_PRIVILEGES, readEffectivePrivileges } from "./catalogue-rules.ts";

let database: TestDatabase;
let owner: pg.Client;
const appRole = inject("databaseTemplate").app.name;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = database.owner;
});
afterAll(() => database.drop());

describe("the catalogue of our schema", () => {
  test("bounds every table, key, index, foreign key and function by the workspace", async () => {
    expect(await auditCatalogue(owner, appRole)).toEqual([]);
  });

  test("gives the application role what is listed and nothing else", async () => {
    expect(await readEffectivePrivileges(owner, appRole)).toEqual(LISTED_PRIVILEGES);
    expect(LISTED_PRIVILEGES).not.toContain("public.api_key.key SELECT");
    expect(LISTED_PRIVILEGES.filter((privilege) => privilege.startsWith("public.account"))).toEqual([]);
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
    ["a table without a workspace", "CREATE TABLE parlant.stray (id uuid PRIMARY KEY)", "stray: no column workspace_id"],
    [
      "a workspace of another type",
      "CREATE TABLE parlant.stray (workspace_id uuid PRIMARY KEY)",
      "stray: no column workspace_id",
    ],
    [
      "a workspace that a default gives",
      "CREATE TABLE parlant.stray (workspace_id text PRIMARY KEY DEFAULT 'a')",
      "stray: no column workspace_id",
    ],
    ["a table that a crash empties", "CREATE UNLOGGED TABLE parlant.stray (workspace_id text PRIMARY KEY)", "stray: is not kept"],
    ["a table without a key", "CREATE TABLE parlant.stray (workspace_id text NOT NULL)", "stray: has no primary key"],
    ["a table that inherits", "CREATE TABLE public.stray () INHERITS (parlant.parlant_agent)", "stray: inherits from"],
    [
      "a partition that is not closed",
      `CREATE TABLE parlant.stray PARTITION OF parlant.parlant_audit_event
        FOR VALUES FROM ('ffffffff-0000-0000-0000-000000000000') TO ('ffffffff-ffff-0000-0000-000000000000')`,
      "stray: row-level security is not forced",
    ],
    [
      "a partition with a policy of its own",
      "CREATE POLICY open ON parlant.parlant_audit_event_default USING (true)",
      "parlant_audit_event_default: is a partition with a policy",
    ],
    [
      "a policy for one role alone",
      "ALTER POLICY workspace_isolation ON parlant.parlant_agent TO CURRENT_USER",
      "no policy bounds both",
    ],
    ["an index across workspaces", "CREATE INDEX stray ON parlant.parlant_agent (created_at)", "parlant.stray: is not led by"],
    [
      "an index on an expression",
      "CREATE INDEX stray ON parlant.parlant_agent (lower(workspace_id))",
      "parlant.stray: is not led by",
    ],
    [
      "an exclusion across workspaces",
      "ALTER TABLE parlant.parlant_agent ADD CONSTRAINT stray EXCLUDE (name WITH =)",
      "stray: excludes rows",
    ],
    [
      "a foreign key to users",
      `ALTER TABLE parlant.parlant_agent ADD CONSTRAINT stray FOREIGN KEY (created_by) REFERENCES public."user" (id)`,
      "stray: refers from one schema into another",
    ],
    [
      "a foreign key that empties the workspace",
      `ALTER TABLE parlant.parlant_agent_grant ADD CONSTRAINT stray FOREIGN KEY (workspace_id, agent_id)
        REFERENCES parlant.parlant_agent (workspace_id, id) ON DELETE SET NULL`,
      "stray: would take a row's workspace",
    ],
    [
      "a constraint that holds for later rows alone",
      "ALTER TABLE parlant.parlant_agent ADD CONSTRAINT stray CHECK (name <> '') NOT VALID",
      "stray: is not validated",
    ],
    [
      "a trigger of another schema",
      `CREATE TRIGGER stray BEFORE UPDATE ON parlant.parlant_agent FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
      "stray on parlant.parlant_agent: runs a function outside",
    ],
    [
      "a trigger that is off",
      `CREATE TRIGGER stray BEFORE UPDATE ON parlant.parlant_agent FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
       ALTER TABLE parlant.parlant_agent DISABLE TRIGGER stray`,
      "stray on parlant.parlant_agent: is not enabled",
    ],
    [
      "a rule",
      "CREATE RULE stray AS ON DELETE TO parlant.parlant_agent DO INSTEAD NOTHING",
      "stray on parlant.parlant_agent: rewrites",
    ],
    [
      "a view with its owner's rights",
      "CREATE VIEW parlant.stray AS SELECT * FROM parlant.parlant_agent",
      "stray: a view that reads",
    ],
    [
      "jobs that every workspace reads",
      "ALTER POLICY workspace_isolation ON parlant.job_common USING (true)",
      "job_common: jobs are not bound by the workspace",
    ],
    [
      "jobs without row-level security",
      "ALTER TABLE parlant.job NO FORCE ROW LEVEL SECURITY",
      "job: jobs are not bound by the workspace",
    ],
    ["a copy", "CREATE MATERIALIZED VIEW parlant.stray AS SELECT * FROM parlant.parlant_agent", "stray: a copy"],
    ["a sequence", "CREATE SEQUENCE parlant.stray", "stray: a sequence"],
    [
      "a function that looks names up where it is called",
      "CREATE FUNCTION parlant.stray() RETURNS void LANGUAGE sql AS ''",
      "parlant.stray(): does not pin its search_path",
    ],
    [
      "a guard that may be planned away",
      "ALTER FUNCTION parlant.parlant_enter(text, text, text) STABLE",
      "parlant.parlant_enter(text,text,text): sets a workspace but is not VOLATILE",
    ],
    [
      "a function for everyone",
      "GRANT EXECUTE ON FUNCTION parlant.parlant_enter_system(text, text) TO PUBLIC",
      "parlant.parlant_enter_system(text,text): may be executed by PUBLIC",
    ],
    ["a table for everyone", "GRANT SELECT ON parlant.parlant_agent TO PUBLIC", "parlant_agent: PUBLIC has SELECT"],
    ["a column for everyone", "GRANT SELECT (name) ON parlant.parlant_agent TO PUBLIC", "parlant_agent.name: PUBLIC has SELECT"],
    ["a schema for everyone", "GRANT USAGE ON SCHEMA parlant TO PUBLIC", "the schema: PUBLIC has USAGE"],
    [
      "tables to come for everyone",
      "ALTER DEFAULT PRIVILEGES IN SCHEMA parlant GRANT SELECT ON TABLES TO PUBLIC",
      "what is made in the schema is granted to PUBLIC: SELECT",
    ],
    [
      "an application role that may make tables",
      `GRANT CREATE ON SCHEMA parlant TO ${appRole}`,
      "the application role may create in the schema parlant",
    ],
  ])("is found wanting with %s", async (_, script, violation) => {
    await owner.query("BEGIN");
    await owner.query(script);
    const found = await auditCatalogue(owner, appRole).finally(() => owner.query("ROLLBACK"));
    expect(found).toContainEqual(expect.stringContaining(violation));
  });

  test.each([
    [
      "a table that is published",
      "CREATE PUBLICATION stray FOR TABLE parlant.parlant_agent",
      "parlant_agent: is published by stray",
    ],
    [
      "a foreign key that is switched off",
      "ALTER TABLE parlant.parlant_agent_grant DISABLE TRIGGER ALL",
      "is not enabled for everyone",
    ],
    ["a table of another owner", "CREATE TABLE parlant.stray (workspace_id text PRIMARY KEY)", "stray: is owned by"],
    [
      "a function that claims to leak nothing",
      "ALTER FUNCTION parlant.parlant_enter(text, text, text) LEAKPROOF",
      "claims to be leakproof",
    ],
    [
      "a function in C",
      "CREATE FUNCTION parlant.stray(bytea) RETURNS bytea LANGUAGE internal AS 'sha256_bytea'",
      "parlant.stray(bytea): is written in internal",
    ],
    [
      "a role that is in a workspace from the start",
      `ALTER ROLE ${appRole} SET app.workspace_id = 'a'`,
      `a setting of ${appRole} enters a workspace`,
    ],
    ["a role that belongs to another", `GRANT pg_monitor TO ${appRole}`, "the application role is a member of pg_monitor"],
    ["a role past row-level security", `ALTER ROLE ${appRole} BYPASSRLS`, "the application role is past row-level security"],
    [
      "an index that is broken",
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'parlant.parlant_agent_pkey'::regclass",
      "is not valid",
    ],
  ])("is found wanting with %s, which takes a superuser", async (_, script, violation) => {
    const superuser = new pg.Client(database.superuserUrl);
    await superuser.connect();
    try {
      await superuser.query("BEGIN");
      await superuser.query(script);
      expect(await auditCatalogue(superuser, appRole)).toContainEqual(expect.stringContaining(violation));
    } finally {
      await superuser.end();
    }
  });

  test("shows a privilege too many", async () => {
    await owner.query("BEGIN");
    await owner.query(
      `GRANT DELETE ON parlant.parlant_audit_event TO ${appRole}; GRANT SELECT (password) ON account TO ${appRole}`,
    );
    const found = await readEffectivePrivileges(owner, appRole);
    await owner.query("ROLLBACK");
    expect(found.filter((privilege) => !LISTED_PRIVILEGES.includes(privilege))).toEqual([
      "parlant.parlant_audit_event DELETE",
      "public.account.password SELECT",
    ]);
  });
});
