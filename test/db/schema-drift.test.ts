import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { USED_TOKEN_TABLE } from "../../server/db/one-time-tokens.ts";
import { QUEUE_TABLES } from "../../server/db/queue-tables.ts";
import { openSchemaEngine } from "../../server/db/schema-engine.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const SCHEMA = new URL("../../prisma/schema/", import.meta.url);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What Prisma's own engine would migrate to make the database what the schema files say, as SQL. */
async function readDrift(): Promise<string> {
  const files = await Promise.all(
    (await readdir(SCHEMA)).map(async (path) => ({ path, content: await readFile(new URL(path, SCHEMA), "utf8") })),
  );
  const { engine, close } = await openSchemaEngine({
    url: database.ownerUrl,
    onConnect: "SET search_path = parlant",
    datamodels: files.map(({ path, content }) => [path, content]),
    runScript: () => Promise.reject(new Error("A comparison runs no script")),
  });
  try {
    const { stdout } = await engine.diff({
      from: { tag: "schemaDatasource", files, configDir: "." },
      to: { tag: "schemaDatamodel", files },
      script: true,
      exitCode: null,
      filters: await listForeign(),
    });
    return stdout ?? "";
  } finally {
    await close();
  }
}

/** All that is Sim's and the job queue's, and what no client of Prisma's reads: our schema files say nothing about it. */
async function listForeign(): Promise<{ externalTables: string[]; externalEnums: string[] }> {
  const { rows } = await database.owner.query<{ name: string; isTable: boolean }>(
    `SELECT 'public.' || relname AS name, true AS "isTable" FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    UNION ALL
    SELECT 'public.' || typname, false FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'`,
  );
  return {
    externalTables: [
      ...rows.filter(({ isTable }) => isTable).map(({ name }) => name),
      ...[USED_TOKEN_TABLE, ...QUEUE_TABLES].map((name) => `parlant.${name}`),
    ],
    externalEnums: [...rows.filter(({ isTable }) => !isTable).map(({ name }) => name), "parlant.job_state"],
  };
}

const NONE = "-- This is an empty migration.\n";

test("the migrations make exactly what the schema files describe", async () => {
  expect(await readDrift()).toBe(NONE);
});

test.each([
  ["a column that the schema does not have", "ALTER TABLE parlant.parlant_agent ADD COLUMN stray text"],
  ["a column of another type", "ALTER TABLE parlant.parlant_agent ALTER COLUMN max_tokens TYPE bigint"],
  ["a missing default", "ALTER TABLE parlant.parlant_agent ALTER COLUMN temperature DROP DEFAULT"],
  ["a missing index", "DROP INDEX parlant.parlant_agent_grant_workspace_id_user_id_idx"],
  ["a missing foreign key", "ALTER TABLE parlant.parlant_agent DROP CONSTRAINT parlant_agent_workspace_id_fkey"],
  ["a missing table", "DROP TABLE parlant.parlant_agent_grant"],
])("the comparison sees %s", async (_, script) => {
  await database.drop();
  database = await createTestDatabase();
  await database.owner.query(script);
  expect(await readDrift()).not.toBe(NONE);
});
