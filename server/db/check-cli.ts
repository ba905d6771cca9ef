import pg from "pg";
import { ConfigError, EXIT_CONFIG } from "../env.ts";
import { checkDatabase, type Finding } from "./check.ts";

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
  const client = new pg.Client({
    connectionString,
    application_name: "sim-parlant-check",
    connectionTimeoutMillis: 10_000,
    statement_timeout: 15_000,
  });
  await client.connect();
  try {
    await client.query("SET default_transaction_read_only = on");
    // One statement after the other: a client, unlike a pool, takes no second one meanwhile.
    let last: Promise<unknown> = Promise.resolve();
    return await checkDatabase({
      query(statement) {
        const result = last.then(async () => (await client.query(statement)).rows);
        last = result.catch(() => undefined);
        return result;
      },
    });
  } finally {
    await client.end();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : EXIT_UNFIT;
}
