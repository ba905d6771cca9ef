import pg from "pg";
import { type Clock, systemClock } from "../shared/clock.ts";
import { type LockPolicy, migrationSettings, retryOnLock } from "./lock-retry.ts";
import { MONTHS_AHEAD } from "./migrate.ts";
import { createPartition, hasPartition, monthPartitions, PARTITIONED_TABLES, type PartitionedTable } from "./partitions.ts";
import { takeSimMigrationLock } from "./sim-migration-lock.ts";

export interface MaintainOptions {
  /** A direct connection as the owner of our tables. */
  url: string;
  /** For how many whole months beside the present one the rows of each table are kept. */
  keepMonths: Readonly<Record<PartitionedTable, number>>;
  /** Whether what is older goes; otherwise it is only named. */
  isDropping: boolean;
  log?(line: string): void;
  clock?: Clock;
  locks?: Partial<Pick<LockPolicy, "lockTimeoutMs" | "attempts" | "backoffMs">>;
}

export interface MaintainResult {
  /** The partitions that this call made. */
  made: string[];
  /** Those whose months are over and no longer kept; dropped where the call was to drop. */
  expired: string[];
}

/**
 * The partitions of the months ahead are there, and those that are no longer kept are named or gone. A month is dropped
 * whole or not at all, in a lock that is let go of and tried for again; what lies in a default partition stays.
 */
export async function maintain(options: MaintainOptions): Promise<MaintainResult> {
  const log = options.log ?? (() => {});
  const policy: LockPolicy = { lockTimeoutMs: 5_000, attempts: 6, backoffMs: 1_000, ...options.locks, log };
  const nowMs = (options.clock ?? systemClock).now();
  const owner = new pg.Client({
    connectionString: options.url,
    application_name: "sim-parlant-maintain",
    connectionTimeoutMillis: 10_000,
  });
  // A connection lost between two statements is reported by the next one.
  owner.on("error", () => {});
  await owner.connect();
  try {
    await owner.query(migrationSettings(policy));
    await takeSimMigrationLock(owner, 120_000, log);
    const made: string[] = [];
    for (const partition of monthPartitions(nowMs, MONTHS_AHEAD)) {
      if (await hasPartition(owner, partition)) continue;
      await retryOnLock(partition.name, policy, () => createPartition(owner, partition));
      made.push(partition.name);
    }
    const expired: string[] = [];
    for (const table of PARTITIONED_TABLES) {
      for (const name of await expiredPartitions(owner, table, nowMs, options.keepMonths[table])) {
        if (options.isDropping) await retryOnLock(name, policy, () => owner.query(`DROP TABLE ${name}`));
        expired.push(name);
      }
    }
    return { made, expired };
  } finally {
    await owner.end();
  }
}

/** By their names, which say the month; the default partition's says none. */
async function expiredPartitions(
  owner: pg.Client,
  table: PartitionedTable,
  nowMs: number,
  keepMonths: number,
): Promise<string[]> {
  const now = new Date(nowMs);
  const firstKept = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - keepMonths)).toISOString().slice(0, 7);
  const { rows } = await owner.query<{ name: string }>(
    `SELECT format('%I.%I', relnamespace::regnamespace::text, relname) AS name
    FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = $1::regclass ORDER BY relname`,
    [table],
  );
  return rows
    .map(({ name }) => name)
    .filter((name) => {
      const [, year, month] = /_(\d{4})_(\d{2})$/.exec(name) ?? [];
      return year !== undefined && month !== undefined && `${year}-${month}` < firstKept;
    });
}
