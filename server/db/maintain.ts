import pg from "pg";
import { type Clock, systemClock } from "../shared/clock.ts";
import { type LockPolicy, migrationSettings, retryOnLock } from "./lock-retry.ts";
import { MONTHS_AHEAD } from "./migrate.ts";
import {
  closePartition,
  createPartition,
  hasPartition,
  monthPartitions,
  PARTITIONED_TABLES,
  type PartitionedTable,
  type PastPartition,
  pastPartitions,
  reopenPartition,
} from "./partitions.ts";
import { takeSimMigrationLock } from "./sim-migration-lock.ts";

export interface MaintainOptions {
  /** A direct connection as the owner of our tables. */
  url: string;
  /** For how many whole months beside the present one the rows of each table are kept. */
  keepMonths: Readonly<Record<PartitionedTable, number>>;
  /** Whether what is older goes; otherwise it is only named. */
  isDropping: boolean;
  /**
   * What must be done in each workspace that has events in a month before the month goes. Nothing is added to the month
   * from then on. Where it throws, the month stays.
   */
  retire?(workspaceId: string, month: PastPartition): Promise<void>;
  log?(line: string): void;
  clock?: Clock;
  locks?: Partial<Pick<LockPolicy, "lockTimeoutMs" | "attempts" | "backoffMs">>;
}

export interface MaintainResult {
  /** The partitions that this call made. */
  made: string[];
  /** Those whose months are over and no longer kept; dropped where the call was to drop. */
  expired: string[];
  /** Those of them that stay, with the reason. */
  refused: { name: string; reason: string }[];
}

const AUDIT_EVENTS: PartitionedTable = "parlant.parlant_audit_event";

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
    const refused: MaintainResult["refused"] = [];
    for (const table of PARTITIONED_TABLES) {
      const firstKept = monthBefore(nowMs, options.keepMonths[table]);
      for (const month of (await pastPartitions(owner, table)).filter(({ period }) => period < firstKept)) {
        expired.push(month.name);
        if (!options.isDropping) continue;
        const reason = table === AUDIT_EVENTS ? await retireAll(owner, month, policy, options.retire) : null;
        if (reason === null) await retryOnLock(month.name, policy, () => owner.query(`DROP TABLE ${month.name}`));
        else refused.push({ name: month.name, reason });
      }
    }
    return { made, expired, refused };
  } finally {
    await owner.end();
  }
}

/** Null once every workspace's log says of its events in the month that they go; otherwise why the month stays as it was. */
async function retireAll(
  owner: pg.Client,
  month: PastPartition,
  policy: LockPolicy,
  retire: MaintainOptions["retire"],
): Promise<string | null> {
  const workspaceIds = await retryOnLock(month.name, policy, () => closePartition(owner, month.name));
  try {
    if (workspaceIds.length > 0 && !retire) throw new Error("ISOLATION_SECRET is not given, so that no log can say what goes");
    for (const workspaceId of workspaceIds) await retire?.(workspaceId, month);
    return null;
  } catch (error) {
    await retryOnLock(month.name, policy, () => reopenPartition(owner, month.name));
    return error instanceof Error ? error.message : String(error);
  }
}

/** The month so many whole ones before that of `nowMs`, as 2026-01. */
function monthBefore(nowMs: number, months: number): string {
  const now = new Date(nowMs);
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months)).toISOString().slice(0, 7);
}
