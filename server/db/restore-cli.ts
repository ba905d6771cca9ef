import { createSealer } from "../audit/sealer.ts";
import type { SignedStates } from "../audit/signed-states.ts";
import { ConfigError, EXIT_CONFIG, parseEnv } from "../env.ts";
import { deriveAuditLogKeys } from "../isolation/audit-log-keys.ts";
import { systemClock } from "../shared/clock.ts";
import { createLogger } from "../shared/logger.ts";
import { restoreWorkspace } from "../sim-integration/purge/restore-workspace.ts";
import { openDatabase } from "./client.ts";
import { probeSim } from "./probe-sim.ts";

const EXIT_FAILED = 1;
/** A process that lives for one seal has none to compare with later; the server has its own. */
const NO_STATES: SignedStates = { get: () => undefined, workspaceIds: () => [], note() {}, close() {} };
const USAGE = "npm run db:restore -- <export file> <workspace id>";

/** Restores an export into an empty workspace, as the role and with the root secrets of the server. */
async function main(args: string[]): Promise<void> {
  const [file, workspaceId, ...rest] = args;
  if (!file || !workspaceId || rest.length > 0) throw new ConfigError(`Usage: ${USAGE}`);
  const env = parseEnv(process.env);
  const { DATABASE_URL: url, ISOLATION_SECRET: rootSecrets } = env;
  if (!url || !rootSecrets) throw new ConfigError("Set DATABASE_URL and ISOLATION_SECRET as the server has them");
  const log = createLogger(env.LOG_LEVEL);
  const database = openDatabase({ url, poolSize: 1, maxOverflow: 2, poolTimeoutSeconds: env.DB_POOL_TIMEOUT, onError: () => {} });
  try {
    const { openWorkspace, openRows, tenantTables, sim } = database;
    const { features } = await probeSim(sim);
    const keys = await deriveAuditLogKeys(rootSecrets);
    const sealer = createSealer({ openWorkspace, sim, keys, clock: systemClock, log, states: NO_STATES });
    const seal = async (id: string) => void (await sealer.seal(id));
    const access = { openRows, tenantTables, sim, features, rootSecrets, seal, clock: systemClock };
    const { rows, exportedFrom } = await restoreWorkspace(access, { file, workspaceId });
    console.log(`Restored into ${workspaceId} what was exported of ${exportedFrom}:`);
    for (const [table, count] of Object.entries(rows)) console.log(`${table}: ${count}`);
  } finally {
    await database.close();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILED;
}
