import { readFile } from "node:fs/promises";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
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

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db?.drop());

test("the tables made for an empty database are Sim's in columns, types, defaults, constraints and indexes", async () => {
  expect(await readTables(db.owner)).toEqual(await readExpectedTables());
});

test("foreign keys have the names that Sim's migrations give them, as PostgreSQL shortens them", async () => {
  const { rows } = await db.owner.query<{ name: string; expected: string }>(
    `SELECT conname AS name, left(format('%s_%s_%s_%s_fk', conrelid::regclass, c.attname, confrelid::regclass, f.attname), 63) AS expected
     FROM pg_constraint
     JOIN pg_attribute c ON c.attrelid = conrelid AND c.attnum = conkey[1]
     JOIN pg_attribute f ON f.attrelid = confrelid AND f.attnum = confkey[1]
     WHERE contype = 'f' AND connamespace = 'public'::regnamespace`,
  );
  expect(rows).toHaveLength(22);
  for (const { name, expected } of rows) expect(name).toBe(expected.replaceAll('"', ""));
});

test("their owner and the application are ordinary roles", async () => {
  const { rows } = await db.owner.query(
    `SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user OR rolname = $1`,
    [new URL(db.appUrl).username],
  );
  const ordinary = { rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false };
  expect(rows).toEqual([ordinary, ordinary]);
});

test("a Sim of September 2025 has none of the later columns, and its rows can still be made", async () => {
  const older = await createTestDatabase();
  try {
    const count =
      "SELECT count(*)::int AS n FROM information_schema.columns WHERE table_schema = 'public' AND column_name = ANY ($1)";
    const later = [["archived_at", "billed_account_user_id", "banned", "key_hash", "impersonated_by", "normalized_email"]];
    expect((await older.owner.query(count, later)).rows).not.toEqual([{ n: 0 }]);
    await asOlderSim(older.owner);
    expect((await older.owner.query(count, later)).rows).toEqual([{ n: 0 }]);

    const user = await makeUser(older.owner);
    const workspace = await makeWorkspace(older.owner, { ownerId: user.id });
    const organization = await makeOrganization(older.owner);
    await makeMember(older.owner, { organizationId: organization.id, userId: user.id, role: "owner" });
    await makeSession(older.owner, user.id);
    await makeApiKey(older.owner, { userId: user.id, workspaceId: workspace.id });
    expect((await older.owner.query("SELECT entity_id, permission_type FROM permissions")).rows).toEqual([
      { entity_id: workspace.id, permission_type: "admin" },
    ]);
  } finally {
    await older.drop();
  }
});

test("each test file has a database of its own", async () => {
  const other = await createTestDatabase();
  try {
    await makeUser(db.owner, { id: "only-here" });
    expect((await db.owner.query(`SELECT id FROM "user" WHERE id = 'only-here'`)).rows).toHaveLength(1);
    expect((await other.owner.query(`SELECT id FROM "user" WHERE id = 'only-here'`)).rows).toHaveLength(0);
  } finally {
    await other.drop();
  }
});

type Tables = Record<string, string[]>;

/** The tables as Sim's schema lists them, in the same words as readTables. */
async function readExpectedTables(): Promise<Tables> {
  const text = await readFile(new URL("sim-schema.txt", import.meta.url), "utf8");
  return Object.fromEntries(
    text.split("\n\n").map((block) => {
      const [table = "", ...lines] = block.trim().split("\n");
      return [table, lines.map((line) => normalize(line.trim())).sort()];
    }),
  );
}

async function readTables(client: pg.Client): Promise<Tables> {
  const { rows } = await client.query<{ relation: string; line: string }>(CATALOGUE);
  const tables: Tables = {};
  for (const { relation, line } of rows) {
    tables[relation] ??= [];
    tables[relation].push(normalize(line));
  }
  for (const lines of Object.values(tables)) lines.sort();
  return tables;
}

/** Takes away what only PostgreSQL's or only Sim's way of writing an expression has: casts, brackets, the table's name. */
function normalize(line: string): string {
  const short = line.replaceAll(/::[a-z_]+/g, "").replaceAll(/"\w+"\."(\w+)"/g, "$1");
  return /^CHECK|WHERE/.test(short) ? short.replaceAll(/[()]/g, "") : short;
}

const CATALOGUE = `
  SELECT c.relname AS relation, concat_ws(' ', a.attname,
    CASE WHEN a.atttypid = 'timestamp'::regtype THEN 'timestamp' ELSE format_type(a.atttypid, a.atttypmod) END,
    CASE WHEN p.oid IS NOT NULL THEN 'PRIMARY KEY' END, CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'NULL' END,
    'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
    'REFERENCES ' || r.relname || '(id) ON DELETE '
      || CASE f.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'a' THEN 'NO ACTION' END) AS line
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  LEFT JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p' AND a.attnum = ANY (p.conkey)
  LEFT JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f' AND a.attnum = ANY (f.conkey)
  LEFT JOIN pg_class r ON r.oid = f.confrelid
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  UNION ALL
  SELECT c.relname, CASE k.contype WHEN 'u' THEN format('UNIQUE CONSTRAINT %s %s', k.conname, substr(pg_get_constraintdef(k.oid), 8))
    ELSE format('CHECK %s: %s', k.conname, substr(pg_get_constraintdef(k.oid), 7)) END
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  WHERE k.connamespace = 'public'::regnamespace AND k.contype IN ('u', 'c')
  UNION ALL
  SELECT c.relname, CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
    || regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX (\\S+) ON \\S+ ', 'INDEX \\2 ')
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
  WHERE c.relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))`;
