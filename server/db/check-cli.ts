import pg from "pg";
import { ConfigError, EXIT_CONFIG } from "../env.ts";
import { checkDatabase } from "./check.ts";
import type { Finding } from "./finding.ts";

const EXIT_UNFIT = 1;

/** Prints what was found about the database named in DATABASE_URL, the worst last, and ends with 1 where it is unfit. */
async function main(): Promise<number> {
  const connectionString = process.env["DATABASE_URL"] || process.env["POSTGRES_URL"];
  if (!connectionString) {
    throw new ConfigError("DATABASE_URL is not set: it names the database to check, as the role that the server connects as");
  }
  const findings = await check(connectionString);
  for (const { level, message, remedy } of findings.toSorted((a, b) => RANK[a.level] - RANK[b.level])) {
    console.log(`${level.padEnd(8)}  ${message}`);
    if (remedy) console.log(remedy.replaceAll(/^/gm, "          > "));
  }
  const unfit = findings.filter(({ level }) => level === "unfit").length;
  console.log(unfit === 0 ? "The database is fit" : `The database is unfit: ${unfit} to mend`);
  return unfit === 0 ? 0 : EXIT_UNFIT;
}

const RANK: Record<Finding["level"], number> = { ok: 0, degraded: 1, unfit: 2 };

async function check(connectionString: string): Promise<Finding[]> {
  const pool = new pg.Pool({
    connectionString,
    max: 1,
    application_name: "sim-parlant-check",
    connectionTimeoutMillis: 10_000,
    statement_timeout: 15_000,
    onConnect: (client) => client.query("SET default_transaction_read_only = on"),
  });
  pool.on("error", () => {});
  try {
    return await checkDatabase({ query: async (statement) => (await pool.query(statement)).rows });
  } finally {
    await pool.end();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : EXIT_UNFIT;
}
