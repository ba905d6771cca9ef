import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "./generated/client.ts";
import { ScopedPool } from "./scoped-pool.ts";
import type { SimReader, Statement } from "./sim-reader.ts";

export interface DatabaseOptions {
  url: string;
  /** Connections held for statements. */
  poolSize: number;
  /** Connections beyond them, closed when idle. */
  maxOverflow: number;
  /** How long a statement may wait for a connection, in seconds. */
  poolTimeoutSeconds: number;
  onError(error: Error): void;
}

/** The database: Prisma behind the bound pool, which serves workspaces alone, and a reader of Sim's tables. */
export interface Database {
  /** Reaches nothing by itself: the pool refuses a statement without a binding. Only db/ makes clients from it. */
  unscopedPrisma: PrismaClient;
  sim: SimReader;
  /** Callers waiting for a connection at this moment. */
  waiting(): number;
  close(): Promise<void>;
}

const UTC_TIMESTAMP_OID = 1114;

/** Sim keeps UTC in columns without a zone; node-postgres alone would read them in the zone of this process. */
pg.types.setTypeParser(UTC_TIMESTAMP_OID, (text) => new Date(`${text.replace(" ", "T")}Z`));

export function openDatabase(options: DatabaseOptions): Database {
  const common = {
    connectionString: options.url,
    connectionTimeoutMillis: options.poolTimeoutSeconds * 1_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: "sim-parlant-server",
    statement_timeout: 15_000,
    lock_timeout: 3_000,
    idle_in_transaction_session_timeout: 30_000,
    options: "-c timezone=UTC",
  };
  const scopedPool = new ScopedPool({ ...common, min: options.poolSize, max: options.poolSize + options.maxOverflow });
  const simPool = new pg.Pool({ ...common, max: Math.max(2, Math.ceil(options.poolSize / 2)) });
  simPool.on("error", options.onError);
  const unscopedPrisma = new PrismaClient({
    adapter: new PrismaPg(scopedPool, { schema: "parlant", onPoolError: options.onError, statementNameGenerator }),
    errorFormat: "minimal",
  });
  return {
    unscopedPrisma,
    sim: { query: (statement) => querySim(simPool, statement) },
    waiting: () => scopedPool.waitingCount + simPool.waitingCount,
    async close() {
      await unscopedPrisma.$disconnect();
      await Promise.all([scopedPool.end(), simPool.end()]);
    },
  };
}

async function querySim<Row extends object>(pool: pg.Pool, statement: Statement): Promise<Row[]> {
  const { rows } = await pool.query<Row>(statement);
  return rows;
}

const statementNames = new Map<string, string>();
const MAX_STATEMENT_NAMES = 500;

/** Names each distinct SQL text, so that a connection parses and plans it once; past the bound, statements go unnamed. */
function statementNameGenerator({ sql }: { sql: string }): string {
  const known = statementNames.get(sql);
  if (known !== undefined) return known;
  if (statementNames.size >= MAX_STATEMENT_NAMES) return "";
  const name = `p${statementNames.size}`;
  statementNames.set(sql, name);
  return name;
}
