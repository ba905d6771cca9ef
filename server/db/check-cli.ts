import type pg from "pg";
import { ConfigError, EXIT_CONFIG } from "../env.ts";
import { checkDatabase } from "./check.ts";
import { UtcClient } from "./connection-setup.ts";
import type { Finding } from "./finding.ts";
import type { SimReader, Statement } from "./sim-reader.ts";

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

/** In one transaction, so that nothing that is set stays on a session that a pooler lends to the server next. */
async function check(connectionString: string): Promise<Finding[]> {
  const client = new UtcClient({ connectionString, application_name: "sim-parlant-check", connectionTimeoutMillis: 10_000 });
  // The statement that meets a lost connection reports it.
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("BEGIN READ ONLY; SET LOCAL statement_timeout = '15s'");
    return await checkDatabase(inTurn(client));
  } finally {
    await client.end();
  }
}

/** Statements one after the other, and without the names that a pooler may not keep. */
function inTurn(client: pg.Client): SimReader {
  let last: Promise<unknown> = Promise.resolve();
  return {
    query<Row extends object>({ text, values }: Statement): Promise<Row[]> {
      const result = last.then(async () => (await client.query<Row>({ text, values })).rows);
      last = result.catch(() => undefined);
      return result;
    },
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : EXIT_UNFIT;
}
