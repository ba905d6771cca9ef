import pg from "pg";
import { lowestIdAt } from "../shared/ids.ts";

/** The tables that are partitioned by month on the time inside their ids, each with a default partition. */
export const PARTITIONED_TABLES = ["parlant.parlant_audit_event", "parlant.parlant_authz_decision"] as const;
export type PartitionedTable = (typeof PARTITIONED_TABLES)[number];

const CHECK_VIOLATION = "23514";

export interface MonthPartition {
  table: PartitionedTable;
  /** With its schema, ready for SQL. */
  name: string;
  /** The lowest id in it and the lowest one past it. */
  from: string;
  to: string;
}

/** The partitions of every such table from the month of `nowMs` to that of `monthsAhead` later; months are UTC. */
export function monthPartitions(nowMs: number, monthsAhead: number): MonthPartition[] {
  const now = new Date(nowMs);
  const startOf = (months: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months);
  return PARTITIONED_TABLES.flatMap((table) =>
    Array.from({ length: monthsAhead + 1 }, (_, months) => ({
      table,
      name: `${table}_${new Date(startOf(months)).toISOString().slice(0, 7).replace("-", "_")}`,
      from: lowestIdAt(startOf(months)),
      to: lowestIdAt(startOf(months + 1)),
    })),
  );
}

/** Whether the partition is there already. */
export async function hasPartition(owner: pg.Client, { name }: MonthPartition): Promise<boolean> {
  const { rows } = await owner.query<{ found: boolean }>("SELECT to_regclass($1) IS NOT NULL AS found", [name]);
  return rows[0]?.found === true;
}

/**
 * Makes the partition, closed to everyone as all of ours are: no grant, row-level security forced, no policy. Rows of
 * its months that had to go to the default partition move into it.
 */
export async function createPartition(owner: pg.Client, partition: MonthPartition): Promise<void> {
  const { table, name, from, to } = partition;
  const rest = `${table}_default`;
  const secure = `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`;
  const attach = `FOR VALUES FROM ('${from}') TO ('${to}')`;
  // Each script goes as one message, so it is one transaction.
  try {
    await owner.query(`CREATE TABLE ${name} PARTITION OF ${table} ${attach}; ${secure}`);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === CHECK_VIOLATION)) throw error;
    const misplaced = `FROM ${rest} WHERE id >= '${from}' AND id < '${to}'`;
    await owner.query(
      `ALTER TABLE ${rest} NO FORCE ROW LEVEL SECURITY;
       CREATE TABLE ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
       INSERT INTO ${name} SELECT * ${misplaced};
       DELETE ${misplaced};
       ALTER TABLE ${rest} FORCE ROW LEVEL SECURITY;
       ALTER TABLE ${table} ATTACH PARTITION ${name} ${attach};
       ${secure}`,
    );
  }
}

/** A month's partition, by its name. */
export interface PastPartition {
  /** With its schema, ready for SQL. */
  name: string;
  /** As 2026-01. */
  period: string;
  /** The lowest id in it and the lowest one past it. */
  from: string;
  to: string;
}

/** The partitions of a table that their names show to be of a month; the default one's shows none. */
export async function pastPartitions(owner: pg.Client, table: PartitionedTable): Promise<PastPartition[]> {
  const { rows } = await owner.query<{ name: string }>(
    `SELECT format('%I.%I', relnamespace::regnamespace::text, relname) AS name
    FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = $1::regclass ORDER BY relname`,
    [table],
  );
  return rows.flatMap(({ name }) => {
    const [, year, month] = /_(\d{4})_(\d{2})$/.exec(name) ?? [];
    if (year === undefined || month === undefined) return [];
    const start = (months: number) => lowestIdAt(Date.UTC(Number(year), Number(month) - 1 + months));
    return [{ name, period: `${year}-${month}`, from: start(0), to: start(1) }];
  });
}

const CLOSED = "retention_closed";

/** Nothing is added to the partition from now on; resolves to the workspaces that have rows in it. */
export async function closePartition(owner: pg.Client, name: string): Promise<string[]> {
  // One transaction, which waits for whoever is writing to it. Each workspace is found by one descent of the primary key.
  await owner.query("BEGIN");
  try {
    await owner.query(
      `ALTER TABLE ${name} DROP CONSTRAINT IF EXISTS ${CLOSED}, ADD CONSTRAINT ${CLOSED} CHECK (false) NOT VALID;
       ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`,
    );
    const { rows } = await owner.query<{ id: string }>(
      `WITH RECURSIVE workspace AS (
        (SELECT workspace_id AS id FROM ${name} ORDER BY workspace_id LIMIT 1)
        UNION ALL
        SELECT (SELECT workspace_id FROM ${name} WHERE workspace_id > workspace.id ORDER BY workspace_id LIMIT 1)
        FROM workspace WHERE workspace.id IS NOT NULL)
      SELECT id FROM workspace WHERE id IS NOT NULL`,
    );
    await owner.query(`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY; COMMIT`);
    return rows.map(({ id }) => id);
  } catch (error) {
    await owner.query("ROLLBACK");
    throw error;
  }
}

/** It takes rows as before. */
export async function reopenPartition(owner: pg.Client, name: string): Promise<void> {
  await owner.query(`ALTER TABLE ${name} DROP CONSTRAINT IF EXISTS ${CLOSED}`);
}
