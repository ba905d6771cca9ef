import pg from "pg";
import { lowestIdAt } from "../shared/ids.ts";

const PARENT = "parlant.parlant_audit_event";
const DEFAULT_PARTITION = `${PARENT}_default`;
const CHECK_VIOLATION = "23514";

export interface AuditPartition {
  /** With its schema, ready for SQL. */
  name: string;
  /** The lowest id in it and the lowest one past it. */
  from: string;
  to: string;
}

/** The partitions of the audit trail from the month of `nowMs` to that of `monthsAhead` later; months are UTC. */
export function auditPartitions(nowMs: number, monthsAhead: number): AuditPartition[] {
  const now = new Date(nowMs);
  const startOf = (months: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months);
  return Array.from({ length: monthsAhead + 1 }, (_, months) => ({
    name: `${PARENT}_${new Date(startOf(months)).toISOString().slice(0, 7).replace("-", "_")}`,
    from: lowestIdAt(startOf(months)),
    to: lowestIdAt(startOf(months + 1)),
  }));
}

/** Whether the partition is there already. */
export async function hasPartition(owner: pg.Client, { name }: AuditPartition): Promise<boolean> {
  const { rows } = await owner.query<{ found: boolean }>("SELECT to_regclass($1) IS NOT NULL AS found", [name]);
  return rows[0]?.found === true;
}

/**
 * Makes the partition, closed to everyone as all of ours are: no grant, row-level security forced, no policy. Rows of
 * its months that had to go to the default partition move into it.
 */
export async function createPartition(owner: pg.Client, partition: AuditPartition): Promise<void> {
  const { name, from, to } = partition;
  const secure = `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`;
  const attach = `FOR VALUES FROM ('${from}') TO ('${to}')`;
  // Each script goes as one message, so it is one transaction.
  try {
    await owner.query(`CREATE TABLE ${name} PARTITION OF ${PARENT} ${attach}; ${secure}`);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === CHECK_VIOLATION)) throw error;
    const misplaced = `FROM ${DEFAULT_PARTITION} WHERE id >= '${from}' AND id < '${to}'`;
    await owner.query(
      `ALTER TABLE ${DEFAULT_PARTITION} NO FORCE ROW LEVEL SECURITY;
       CREATE TABLE ${name} (LIKE ${PARENT} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
       INSERT INTO ${name} SELECT * ${misplaced};
       DELETE ${misplaced};
       ALTER TABLE ${DEFAULT_PARTITION} FORCE ROW LEVEL SECURITY;
       ALTER TABLE ${PARENT} ATTACH PARTITION ${name} ${attach};
       ${secure}`,
    );
  }
}
