import pg from "pg";
import { readTenantTables, type TenantTable } from "../mutants/seed-rows.ts";

/** So many workspaces, and rows of each table in each of them, that reading them all is never the cheapest way. */
const WORKSPACES = 150;
const ROWS_EACH = 104;

/** Every tenant table has that many rows, over all partitions alike, and statistics of them. Takes a superuser. */
export async function fillTables(superuser: pg.Client): Promise<void> {
  const { rows: checks } = await superuser.query<{ script: string }>(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS script FROM pg_constraint
     WHERE connamespace = 'parlant'::regnamespace AND contype = 'c' AND conislocal AND coninhcount = 0`,
  );
  for (const { script } of checks) await superuser.query(script);
  await superuser.query("SET session_replication_role = replica");
  for (const table of await readTenantTables(superuser)) await superuser.query(fillTable(table));
  await superuser.query("SET session_replication_role = origin");
  await superuser.query("ANALYZE");
}

function fillTable({ table, hasMany, columns }: TenantTable): string {
  const names = columns.map(({ name }) => pg.escapeIdentifier(name));
  const values = columns.map((column) => expression(table, column));
  return `INSERT INTO ${table} (${["workspace_id", ...names].join(", ")})
    SELECT ${["'filled-' || w", ...values].join(", ")}
    FROM generate_series(1, ${hasMany ? WORKSPACES : WORKSPACES * ROWS_EACH}) AS w, generate_series(1, ${hasMany ? ROWS_EACH : 1}) AS n`;
}

/** The nth of as many values as there are rows; ids lie over the months that have partitions. */
const EXPRESSIONS: Readonly<Record<string, string>> = {
  text: "'value ' || n",
  "character varying": "'value ' || n",
  uuid: `(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint + (n % 26) * 2592000000), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid`,
  integer: "n",
  bigint: "n",
  smallint: "n",
  "double precision": "n",
  numeric: "n",
  boolean: "n % 2 = 0",
  jsonb: "'{}'::jsonb",
  bytea: "decode(md5(n::text) || md5(w::text), 'hex')",
  date: "current_date + n",
  "timestamp with time zone": "now() + n * interval '7 days'",
};

function expression(table: string, { name, type, kind, firstLabel }: TenantTable["columns"][number]): string {
  if (type.endsWith("[]")) return "'{}'";
  const found = kind === "e" ? `${pg.escapeLiteral(firstLabel ?? "")}::${type}` : EXPRESSIONS[type];
  if (found === undefined) throw new Error(`Unknown type "${type}" of ${table}.${name}; give it an expression here`);
  return found;
}
