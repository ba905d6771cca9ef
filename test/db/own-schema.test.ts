import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const SNAPSHOT = "own-schema.txt";

/**
 * Everything in our schema that a statement can meet, as PostgreSQL itself writes it. The schema files say nothing of
 * checks, partial indexes, policies, triggers and functions, so that a difference in one of these is seen here alone.
 * The months' partitions are left out: they are as many as there are months, and the catalogue audit looks at each.
 */
async function readOwnSchema(): Promise<string> {
  const { rows } = await database.owner.query<{ line: string }>(
    `WITH ours AS (
      SELECT oid, relname AS name, relkind, relpartbound FROM pg_class
      WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relname <> '_prisma_migrations'
        AND (NOT relispartition OR pg_get_expr(relpartbound, oid) = 'DEFAULT'))
    SELECT line FROM (
      SELECT 1 AS part, name AS of, 0 AS position, format('table %s %s', name,
        coalesce(pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid), '')) AS line FROM ours
      UNION ALL
      SELECT 1, name, attnum, format('  %s %s%s%s', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' END,
          ' DEFAULT ' || pg_get_expr(adbin, adrelid))
        FROM ours JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped
          LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      UNION ALL
      SELECT 1, name, 10000 + row_number() OVER (ORDER BY conname), format('  constraint %s %s', conname, pg_get_constraintdef(c.oid))
        FROM ours JOIN pg_constraint c ON conrelid = ours.oid WHERE contype <> 'n'
      UNION ALL
      SELECT 1, name, 20000 + row_number() OVER (ORDER BY indexrelid::regclass::text), format('  %s', pg_get_indexdef(indexrelid))
        FROM ours JOIN pg_index ON indrelid = oid
      UNION ALL
      SELECT 1, name, 30000, format('  policy %s for %s to %s using %s with check %s', polname, polcmd, polroles,
          pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
        FROM ours JOIN pg_policy ON polrelid = ours.oid
      UNION ALL
      SELECT 1, name, 40000, format('  %s', pg_get_triggerdef(t.oid)) FROM ours JOIN pg_trigger t ON tgrelid = ours.oid WHERE NOT tgisinternal
      UNION ALL
      SELECT 2, p.oid::regprocedure::text, 0, rtrim(pg_get_functiondef(p.oid)) FROM pg_proc p WHERE pronamespace = 'parlant'::regnamespace
      UNION ALL
      SELECT 3, typname, 0, format('enum %s (%s)', typname, string_agg(enumlabel, ', ' ORDER BY enumsortorder))
        FROM pg_type t JOIN pg_enum ON enumtypid = t.oid WHERE typnamespace = 'parlant'::regnamespace GROUP BY typname
    ) AS lines ORDER BY part, of COLLATE "C", position, line COLLATE "C"`,
  );
  return `${rows.map(({ line }) => line).join("\n")}\n`;
}

test(`the migrations make what ${SNAPSHOT} says (after a migration: npx vitest run test/db/own-schema.test.ts -u, and read the difference)`, async () => {
  await expect(await readOwnSchema()).toMatchFileSnapshot(SNAPSHOT);
});

test.each([
  ["a check that is gone", "ALTER TABLE parlant.parlant_agent DROP CONSTRAINT parlant_agent_archived_check"],
  [
    "a partial index over other rows",
    `DROP INDEX parlant.parlant_agent_workspace_name_unique;
     CREATE UNIQUE INDEX parlant_agent_workspace_name_unique ON parlant.parlant_agent (workspace_id, name_key)`,
  ],
  ["a policy that is gone", "DROP POLICY workspace_isolation ON parlant.parlant_agent"],
  [
    "a guard that checks nothing",
    `CREATE OR REPLACE FUNCTION parlant.parlant_enter(workspace text, actual text, decided text) RETURNS text
       LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog
       AS 'BEGIN RETURN pg_catalog.set_config(''app.workspace_id'', workspace, true); END'`,
  ],
  ["a default", "ALTER TABLE parlant.parlant_agent ALTER COLUMN description SET DEFAULT ''"],
  ["a value more", "ALTER TYPE parlant.access_level ADD VALUE 'own'"],
])("it differs with %s", async (_, script) => {
  const before = await readOwnSchema();
  await database.owner.query("BEGIN");
  try {
    await database.owner.query(script);
    expect(await readOwnSchema()).not.toBe(before);
  } finally {
    await database.owner.query("ROLLBACK");
  }
});
