import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { TenantTable } from "../../../server/db/tenant-tables.ts";
import { withConnection } from "../../support/connection.ts";
import type { TestDatabase } from "../../support/database.ts";

interface Column {
  name: string;
  type: string;
  isEnum: boolean;
  isRequired: boolean;
  hasDefault: boolean;
  /** Whether a check binds it to certain values or to other columns. */
  isBound: boolean;
  labels: string[];
}

const TEXTUAL = ["text", "jsonb", "json", "text[]", "bytea"];

/** As whoever no policy bounds. */
const asSuperuser = <Result>(database: TestDatabase, work: (admin: pg.Client) => Promise<Result>) =>
  withConnection(database.superuserUrl, work);

/**
 * Each of the tables has so many more rows of the workspace, with the canary in every field of text, JSON, bytes and lists
 * of text, and references to the rows of the others. What a table is made of is asked of the catalogue. Resolves to the
 * tables that have such fields.
 */
export function fillWithCanary(
  database: TestDatabase,
  tables: readonly TenantTable[],
  { workspaceId, canary, rows }: { workspaceId: string; canary: string; rows: number },
): Promise<string[]> {
  return asSuperuser(database, async (admin) => {
    const filled: string[] = [];
    // Those that others refer to come first.
    for (const table of [...tables].reverse()) {
      const columns = await readColumns(admin, table.name);
      if (columns.some(({ name, type }) => name !== "workspace_id" && TEXTUAL.includes(type))) filled.push(table.name);
      const references = await readReferences(admin, table.name);
      for (let index = 0; index < (table.key.length === 0 ? 1 : rows); index++) {
        const row = Object.fromEntries(columns.map((column) => [column.name, makeValue(column, table, canary, index)]));
        for (const { from, to, parent } of references) {
          const { rows: found } = await admin.query<{ value: unknown }>(
            `SELECT to_jsonb("${to}") AS value FROM parlant."${parent}" WHERE workspace_id = $1 ORDER BY "${to}" LIMIT 1 OFFSET $2`,
            [workspaceId, parent === "parlant_workspace_state" ? 0 : index % rows],
          );
          if (found[0]) row[from] = found[0].value;
        }
        row["workspace_id"] = workspaceId;
        const given = columns.filter(({ name }) => row[name] !== undefined).map(({ name }) => `"${name}"`);
        const overwrite = table.key.length === 0 ? `ON CONFLICT (workspace_id) DO UPDATE SET settings = excluded.settings` : "";
        await admin.query(
          `INSERT INTO parlant."${table.name}" (${given}) SELECT ${given} FROM jsonb_populate_record(null::parlant."${table.name}", $1) ${overwrite}`,
          [JSON.stringify(row)],
        );
      }
    }
    return filled.sort();
  });
}

function makeValue(
  { type, isEnum, isRequired, hasDefault, isBound, labels }: Column,
  table: TenantTable,
  canary: string,
  index: number,
): unknown {
  if (isEnum) return isRequired && !hasDefault ? labels[0] : undefined;
  if (isBound && !isRequired) return undefined;
  switch (type) {
    case "text":
      return `${canary} ${index}`;
    case "jsonb":
    case "json":
      return { [canary]: [canary] };
    case "text[]":
      return [canary];
    case "bytea":
      // The lengths that checks ask for are those of a hash.
      return `\\x${Buffer.from(canary.padEnd(32, ".").slice(0, 32)).toString("hex")}`;
    case "uuid":
      return randomUUID();
    case "timestamp with time zone":
      return isRequired && !hasDefault ? new Date().toISOString() : undefined;
    case "integer":
    case "smallint":
    case "bigint":
      return isRequired && !hasDefault ? index + 1 : undefined;
    default:
      if (!isRequired || hasDefault) return undefined;
      throw new Error(`Nobody knows what to put into a column of type ${type} of ${table.name}`);
  }
}

async function readColumns(admin: pg.Client, table: string): Promise<Column[]> {
  const { rows } = await admin.query<Column>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type, typtype = 'e' AS "isEnum", attnotnull AS "isRequired", atthasdef AS "hasDefault",
       EXISTS (SELECT FROM pg_constraint k WHERE conrelid = attrelid AND contype = 'c' AND attnum = ANY (conkey)
         AND (cardinality(conkey) > 1 OR pg_get_constraintdef(k.oid) LIKE '% ANY %')) AS "isBound",
       ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = atttypid ORDER BY enumsortorder) AS labels
     FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
     WHERE attrelid = to_regclass('parlant.' || quote_ident($1)) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    [table],
  );
  return rows;
}

/** The foreign keys to other tables of ours, beside the workspace that leads each. */
async function readReferences(admin: pg.Client, table: string): Promise<{ from: string; to: string; parent: string }[]> {
  const { rows } = await admin.query<{ from: string; to: string; parent: string }>(
    `SELECT own.attname AS "from", other.attname AS "to", parent.relname AS parent
     FROM pg_constraint k JOIN pg_class parent ON parent.oid = confrelid
       CROSS JOIN LATERAL unnest(conkey, confkey) AS pair (own, other)
       JOIN pg_attribute own ON own.attrelid = conrelid AND own.attnum = pair.own
       JOIN pg_attribute other ON other.attrelid = confrelid AND other.attnum = pair.other
     WHERE contype = 'f' AND conrelid = to_regclass('parlant.' || quote_ident($1)) AND relnamespace = 'parlant'::regnamespace`,
    [table],
  );
  return rows.filter(({ from }) => from !== "workspace_id");
}

/** Every table of our schema, whoever made it. */
function listTables(admin: pg.Client): Promise<string[]> {
  return admin
    .query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1",
    )
    .then(({ rows }) => rows.map(({ name }) => name));
}

/** The tables in any column of which the text is found, as it is or in bytes. Dead rows and the write-ahead log are not looked at. */
export function findInDatabase(database: TestDatabase, text: string): Promise<string[]> {
  return asSuperuser(database, async (admin) => {
    const found: string[] = [];
    for (const table of await listTables(admin)) {
      const { rows } = await admin.query(
        `SELECT FROM parlant."${table}" AS row WHERE strpos(row::text, $1) + strpos(row::text, $2) > 0 LIMIT 1`,
        [text, Buffer.from(text).toString("hex")],
      );
      if (rows.length > 0) found.push(table);
    }
    return found;
  });
}

/** By table of ours that has workspaces: how many rows of this one, and a hash of them all. */
export function readRows(database: TestDatabase, workspaceId: string): Promise<Record<string, string>> {
  return asSuperuser(database, async (admin) => {
    const rows: Record<string, string> = {};
    for (const table of await listTables(admin)) {
      const { rows: columns } = await admin.query(
        "SELECT FROM pg_attribute WHERE attrelid = to_regclass('parlant.' || quote_ident($1)) AND attname = 'workspace_id'",
        [table],
      );
      if (columns.length === 0) continue;
      const { rows: found } = await admin.query<{ hash: string }>(
        `SELECT count(*) || ' ' || coalesce(md5(string_agg(row::text, E'\\n' ORDER BY row::text)), '') AS hash
         FROM parlant."${table}" AS row WHERE workspace_id = $1`,
        [workspaceId],
      );
      rows[table] = found[0]?.hash ?? "";
    }
    return rows;
  });
}

/** The same as numbers of rows alone. */
export async function countRows(database: TestDatabase, workspaceId: string): Promise<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(await readRows(database, workspaceId)).map(([table, hash]) => [table, Number.parseInt(hash, 10)]),
  );
}
