import pg from "pg";
import { type Clock, systemClock } from "../shared/clock.ts";
import { applyMigrations } from "./apply-migrations.ts";
import { type LockPolicy, migrationSettings, retryOnLock } from "./lock-retry.ts";
import { listSimTableScripts } from "./migration-files.ts";
import { createPartition, hasPartition, monthPartitions } from "./partitions.ts";
import { probeSim, SIM_COLUMNS } from "./probe-sim.ts";
import { type AppRole, ensureRole, grantToApplication } from "./roles.ts";
import { awaitEarlierSessions, takeSimMigrationLock } from "./sim-migration-lock.ts";

export interface MigrateOptions {
  /** A direct connection as the owner of Sim's tables; through a transaction pooler its locks would not hold. */
  url: string;
  /** The role as which the server connects; without one nothing is granted. */
  appRole?: AppRole;
  /** Makes Sim's tables too, if the database has none of them. */
  withSimTables?: boolean;
  log?(line: string): void;
  clock?: Clock;
  /** How long to wait for another migration to end, in milliseconds. */
  waitMs?: number;
  locks?: Partial<Pick<LockPolicy, "lockTimeoutMs" | "attempts" | "backoffMs">>;
}

export interface MigrateResult {
  /** The migrations that this call applied. */
  applied: string[];
  /** The role that this call made; its password is known from here alone. */
  createdRole?: { name: string; password: string };
}

export const MONTHS_AHEAD = 24;

/**
 * Brings the database up to this release: our schema, the partitions of the months ahead, the application role's privileges.
 * Sim's tables stay as they are, foreign keys to workspace aside. Safe on a live Sim and to be run again: whoever comes
 * second waits; a lock that is not to be had is let go of and tried for again.
 * @throws where Sim's tables are missing, naming them.
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const log = options.log ?? (() => {});
  const policy: LockPolicy = { lockTimeoutMs: 5_000, attempts: 6, backoffMs: 1_000, ...options.locks, log };
  const owner = new pg.Client({
    connectionString: options.url,
    application_name: "sim-parlant-migrate",
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // Without a listener a connection lost between two statements would end the process; the next statement reports it.
  owner.on("error", () => {});
  await owner.connect();
  try {
    await owner.query(migrationSettings(policy));
    await takeSimMigrationLock(owner, options.waitMs ?? 120_000, log);
    await retryOnLock("What an earlier migration left running", policy, () => awaitEarlierSessions(owner));
    if (options.withSimTables) await createSimTables(owner, log);
    await assertSimTables(owner);
    await createSchema(owner);
    const applied = await applyMigrations(options.url, policy);
    await createPartitions(owner, policy, (options.clock ?? systemClock).now());
    const { appRole } = options;
    if (!appRole) return { applied };
    const password = await retryOnLock("Grants", policy, () => prepareRole(owner, appRole));
    return { applied, ...(password !== null && { createdRole: { name: appRole.name, password } }) };
  } finally {
    await owner.end();
  }
}

async function createSimTables(owner: pg.Client, log: (line: string) => void): Promise<void> {
  const { rows } = await owner.query(
    "SELECT FROM pg_class WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p') AND relname = ANY ($1::text[])",
    [[...Object.keys(SIM_COLUMNS), "account"]],
  );
  if (rows.length > 0) {
    log("Sim's tables are there already; none was made");
    return;
  }
  const scripts = await listSimTableScripts();
  // One message, hence one transaction: all of the tables or none.
  await owner.query(scripts.map(({ script }) => script).join(";\n"));
  log("Sim's tables: made");
}

async function assertSimTables(owner: pg.Client): Promise<void> {
  const { missing } = await probeSim({ query: async (statement) => (await owner.query(statement)).rows });
  if (missing.length === 0) return;
  throw new Error(
    `This database lacks what Sim's tables must have: ${missing.join(", ")}. Run Sim's own migrations first, ` +
      "or --with-sim-tables to make its tables in an empty database.",
  );
}

/** The engine keeps its table of migrations in the schema, so the schema has to be there before the first migration. */
async function createSchema(owner: pg.Client): Promise<void> {
  const { rows } = await owner.query("SELECT WHERE to_regnamespace('parlant') IS NULL");
  if (rows.length > 0) await owner.query("CREATE SCHEMA parlant");
}

async function createPartitions(owner: pg.Client, policy: LockPolicy, nowMs: number): Promise<void> {
  for (const partition of monthPartitions(nowMs, MONTHS_AHEAD)) {
    if (await hasPartition(owner, partition)) continue;
    await retryOnLock(partition.name, policy, () => createPartition(owner, partition));
  }
}

/** In one transaction, because a role that stayed behind without being reported would have a password that nobody knows. */
async function prepareRole(owner: pg.Client, appRole: AppRole): Promise<string | null> {
  await owner.query("BEGIN");
  try {
    const password = await ensureRole(owner, appRole);
    await grantToApplication(owner, appRole.name);
    await owner.query("COMMIT");
    return password;
  } catch (error) {
    await owner.query("ROLLBACK");
    throw error;
  }
}
