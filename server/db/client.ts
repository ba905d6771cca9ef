import { once } from "node:events";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { type Binding, runBound } from "./binding.ts";
import { type DecisionRow, decisionInsertStatement } from "./decision-insert.ts";
import { PrismaClient } from "./generated/client.ts";
import { createHints, type Hints, type HintsOptions } from "./hints.ts";
import { createOneTimeTokens, type OneTimeTokens } from "./one-time-tokens.ts";
import type { SendJob } from "./queue-connection.ts";
import { readSchemaMap } from "./schema-map.ts";
import { ScopedPool } from "./scoped-pool.ts";
import type { SimReader, Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";
import { listTenantTables, type TenantTable } from "./tenant-tables.ts";
import { createWorkspaceDb, type WorkspaceDb, type WorkspaceDbOptions } from "./workspace-db.ts";
import { createRowReader, createRowWriter, type WorkspaceRows } from "./workspace-rows.ts";

export interface DatabaseOptions {
  url: string;
  /** Connections held for statements. */
  poolSize: number;
  /** Connections beyond them, closed when idle. */
  maxOverflow: number;
  /** How long a statement may wait for a connection, in seconds. */
  poolTimeoutSeconds: number;
  onError(error: Error): void;
  /** Where hints say that they are lost or off; nowhere unless given. */
  log?: HintsOptions["log"];
  listening?: HintsOptions["listening"];
  /** Told where row-level security refused a row that a workspace's client had let through. */
  onRowRefused?(workspaceId: string, model: string): void;
  /** Told of each workspace whose audit trail is being written to, before that is committed. */
  onAudited?(workspaceId: string): void;
  /** Puts jobs into the queue for transactions of workspaces; without it there is no queue. */
  sendJob?: SendJob;
}

/** The database: Prisma behind the bound pool, which serves workspaces alone, and a reader of Sim's tables. */
export interface Database {
  /** The client of one workspace; every statement it makes is bound to the workspace and checked. */
  openWorkspace(binding: Binding, options?: WorkspaceDbOptions): WorkspaceDb;
  /** The rows of one statement as the binding lets it see them; for what looks at the binding itself. */
  queryBound: QueryBound;
  /** The rows of one workspace in every tenant table, for what exports, purges or restores it as a whole. */
  openRows(binding: Binding): WorkspaceRows;
  tenantTables: readonly TenantTable[];
  /** Reaches nothing by itself: the pool refuses a statement without a binding. */
  unscopedPrisma: PrismaClient;
  sim: SimReader;
  /** Sim's one-time tokens, each used here once. */
  oneTimeTokens: OneTimeTokens;
  /** What this instance and the others tell each other; the others are heard once it is started. */
  hints: Hints;
  /** Inserts decisions of any workspaces; one that is there already stays as it is. */
  insertDecisions(rows: readonly DecisionRow[]): Promise<void>;
  /** No connection that is there now serves another statement: what was prepared on them is gone with them. */
  renewConnections(): void;
  /** Connections at this moment, how many there may be, and callers waiting for one. */
  pool(): { total: number; idle: number; limit: number; waiting: number };
  /** How many statements were ended because the permission that they rested on no longer held. */
  guardRejections(): number;
  close(): Promise<void>;
}

/** Makes a statement behind a binding's prelude, in the same transaction. */
export type QueryBound = <Row extends object>(binding: Binding, statement: Statement) => Promise<Row[]>;

/** How long a plan can live that was made while row-level security did not bind the role, and nobody saw it. */
const MAX_LIFETIME_SECONDS = 1_800;

const SILENT = { info() {}, warn() {}, error() {} };

const UTC_TIMESTAMP_OID = 1114;

/** Sim keeps UTC in columns without a zone; node-postgres alone would read them in the zone of this process. */
pg.types.setTypeParser(UTC_TIMESTAMP_OID, (text) => new Date(`${text.replace(" ", "T")}Z`));

export function openDatabase(options: DatabaseOptions): Database {
  const pool = new ScopedPool({
    min: options.poolSize,
    max: options.poolSize + options.maxOverflow,
    connectionString: options.url,
    connectionTimeoutMillis: options.poolTimeoutSeconds * 1_000,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    keepAlive: true,
    application_name: "sim-parlant-server",
  });
  // An idle connection that the server closes is an event of the pool, and without a listener the end of the process.
  pool.on("error", options.onError);
  const open = new Set<pg.PoolClient>();
  pool.on("connect", (client) => open.add(client));
  pool.on("remove", (client) => open.delete(client));
  const unscopedPrisma = new PrismaClient({
    adapter: new PrismaPg(pool, { schema: "parlant", statementNameGenerator: ({ sql }) => statementName(sql) }),
    errorFormat: "minimal",
  });
  const queryBound: QueryBound = (binding, statement) => runBound(binding, () => pool.queryRows(statement));
  const hints = createHints({
    send: (statement) => pool.queryOutside(statement),
    url: options.url,
    connectTimeoutMs: options.poolTimeoutSeconds * 1_000,
    log: options.log ?? SILENT,
    ...(options.listening && { listening: options.listening }),
  });
  const schema = readSchemaMap(unscopedPrisma);
  const base = {
    hints,
    prisma: unscopedPrisma,
    schema,
    query: queryBound,
    onRowRefused: options.onRowRefused ?? (() => {}),
    ...(options.onAudited && { onAudited: options.onAudited }),
    sendJob: options.sendJob ?? (() => Promise.reject(new Error("This database was opened without a job queue"))),
  };
  return {
    openWorkspace: (binding, workspaceOptions) =>
      createWorkspaceDb(base, binding, { transactionMaxWaitMs: options.poolTimeoutSeconds * 1_000, ...workspaceOptions }),
    queryBound,
    openRows: (binding) => ({
      ...createRowReader(binding.workspaceId, (statement) => queryBound(binding, statement)),
      transaction: (work) => pool.transact(binding, (run) => work(createRowWriter(binding.workspaceId, run))),
    }),
    tenantTables: listTenantTables(schema),
    unscopedPrisma,
    sim: { query: (statement) => pool.queryOutside(statement) },
    oneTimeTokens: createOneTimeTokens((statement) => pool.queryOutside(statement)),
    hints,
    async insertDecisions(rows) {
      await pool.queryOutside(decisionInsertStatement(rows));
    },
    renewConnections: () => pool.renewConnections(),
    pool: () => ({
      ...{ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount },
      limit: options.poolSize + options.maxOverflow,
    }),
    guardRejections: () => pool.guardRejections,
    async close() {
      await hints.close();
      await unscopedPrisma.$disconnect();
      await closePool(pool, open);
    },
  };
}

/** No connection of the pool is left; its own end() resolves while they are still ending, and the database may be stopped next. */
async function closePool(pool: pg.Pool, open: ReadonlySet<pg.PoolClient>): Promise<void> {
  await pool.end();
  while (open.size > 0) await once(pool, "remove");
}
