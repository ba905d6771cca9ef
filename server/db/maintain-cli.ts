import { hostname, userInfo } from "node:os";
import { parseArgs } from "node:util";
import { retireMonth } from "../audit/retire-month.ts";
import { ConfigError, EXIT_CONFIG, parseIsolationSecret } from "../env.ts";
import { deriveAuditLogKeys } from "../isolation/audit-log-keys.ts";
import { systemClock } from "../shared/clock.ts";
import { openDatabase } from "./client.ts";
import { type MaintainOptions, type MaintainResult, maintain } from "./maintain.ts";

const EXIT_FAILED = 1;
const USAGE = "npm run db:maintain -- [--drop] [--keep-events <months>] [--keep-decisions <months>]";
const EVENT_MONTHS = "24";
const DECISION_MONTHS = "3";

/**
 * Makes the partitions ahead, and names what is no longer kept; with --drop it goes. Before audit events go, each
 * workspace's log says so under the log's key, which is the servers' ISOLATION_SECRET.
 */
async function main(args: string[]): Promise<void> {
  const options = readOptions(args, process.env);
  const secrets = parseIsolationSecret(process.env["ISOLATION_SECRET"]);
  const database = openDatabase({ url: options.url, poolSize: 0, maxOverflow: 2, poolTimeoutSeconds: 30, onError: () => {} });
  try {
    const by = `${userInfo().username}@${hostname()}`;
    const retiring = secrets && {
      ...{ openWorkspace: database.openWorkspace, clock: systemClock, by },
      keys: await deriveAuditLogKeys(secrets),
    };
    report(
      await maintain({
        ...options,
        ...(retiring && { retire: (workspaceId, month) => retireMonth(retiring, workspaceId, month) }),
        log: (line) => console.log(line),
      }),
      options.isDropping,
    );
  } finally {
    await database.close();
  }
}

function report({ made, expired, refused }: MaintainResult, isDropping: boolean): void {
  console.log(made.length === 0 ? "All partitions of the months ahead were there" : `Made ${made.join(", ")}`);
  const dropped = expired.filter((name) => !refused.some((one) => one.name === name));
  if (expired.length === 0) console.log("Nothing is older than what is kept");
  else if (!isDropping) {
    console.log(`Older than what is kept: ${expired.join(", ")}. Drop them with --drop; what is in them is gone then`);
  } else if (dropped.length > 0) console.log(`Dropped ${dropped.join(", ")}`);
  for (const { name, reason } of refused) console.error(`Kept ${name}: ${reason}`);
  if (refused.length > 0) process.exitCode = EXIT_FAILED;
}

function readOptions(args: string[], env: NodeJS.ProcessEnv): MaintainOptions {
  const values = parseCommandLine(args);
  const url = env["MIGRATION_DATABASE_URL"] || env["DATABASE_URL"] || env["POSTGRES_URL"];
  if (!url || !/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ConfigError("Set MIGRATION_DATABASE_URL (the owner of our tables, a direct connection) to a postgresql:// URL");
  }
  return {
    url,
    isDropping: values.drop,
    keepMonths: {
      "parlant.parlant_audit_event": monthsOf("keep-events", values["keep-events"]),
      "parlant.parlant_authz_decision": monthsOf("keep-decisions", values["keep-decisions"]),
    },
  };
}

function parseCommandLine(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        drop: { type: "boolean", default: false },
        "keep-events": { type: "string", default: EVENT_MONTHS },
        "keep-decisions": { type: "string", default: DECISION_MONTHS },
      },
    });
    return values;
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)}\nUsage: ${USAGE}`);
  }
}

function monthsOf(option: string, text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1) return Number(text);
  throw new ConfigError(`--${option} must be a whole number of months from 1 to 999, not "${text}"`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILED;
}
