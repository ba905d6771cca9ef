import pg from "pg";
import { NOT_TENANT_TABLES_SQL } from "../../../server/db/queue-tables.ts";

/** A tenant table, with what a row of it needs. */
export interface TenantTable {
  table: string;
  /** Whether a workspace can have more than one row of it. */
  hasMany: boolean;
  columns: readonly { name: string; type: string; kind: string; firstLabel: string | null }[];
}

/** Our tables, parents before children. A column that has a default or may be null is given nothing, unless a key has it. */
export async function readTenantTables(client: pg.Client): Promise<TenantTable[]> {
  const { rows } = await client.query<TenantTable>(
    `SELECT c.oid::regclass::text AS table,
       NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary AND indnkeyatts = 1) AS "hasMany", (
       SELECT json_agg(json_build_object('name', attname, 'type', format_type(t.oid, NULL), 'kind', t.typtype, 'firstLabel',
         (SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder LIMIT 1)) ORDER BY attnum)
       FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid
       WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> 'workspace_id'
         AND (attnotnull AND NOT atthasdef
           OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('f', 'p', 'u') AND attnum = ANY (conkey)))) AS columns
     FROM pg_class c WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
       AND relname <> ALL (${NOT_TENANT_TABLES_SQL}) ORDER BY 1`,
  );
  return rows.map(({ columns, ...table }) => ({ ...table, columns: columns ?? [] }));
}

/** Of a type, two values that differ. */
const VALUES: Readonly<Record<string, readonly [string, string]>> = {
  text: ["one", "two"],
  "character varying": ["one", "two"],
  uuid: ["00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"],
  integer: ["1", "2"],
  bigint: ["1", "2"],
  smallint: ["1", "2"],
  "double precision": ["1", "2"],
  numeric: ["1", "2"],
  boolean: ["false", "true"],
  jsonb: ["{}", '{"two": 2}'],
  bytea: [`\\x${"01".repeat(32)}`, `\\x${"02".repeat(32)}`],
  date: ["2026-01-01", "2026-01-02"],
  "timestamp with time zone": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"],
};

/** An insert of the table's first or second row into a workspace. */
export function insertRow({ table, columns }: TenantTable, workspaceId: string, nth: 1 | 2): string {
  const values = columns.map(({ name, type, kind, firstLabel }) => {
    if (type.endsWith("[]")) return "'{}'";
    const value = kind === "e" ? firstLabel : VALUES[type]?.[nth - 1];
    if (value === undefined || value === null)
      throw new Error(`Unknown type "${type}" of ${table}.${name}; give it two values here`);
    return pg.escapeLiteral(value);
  });
  const names = columns.map(({ name }) => pg.escapeIdentifier(name));
  return `INSERT INTO ${table} (${["workspace_id", ...names].join(", ")}) VALUES (${[pg.escapeLiteral(workspaceId), ...values].join(", ")})`;
}
