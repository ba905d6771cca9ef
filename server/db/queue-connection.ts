import pg from "pg";
import { setUpConnection, UtcClient } from "./connection-setup.ts";

/** What a job queue's statement is made through: the queue's own connections, or a transaction of a workspace's. */
export interface SqlExecutor {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: object[] }>;
}

/** A job to be put into the queue; the workspace that it is for is added by whoever sends it. */
export interface NewJob {
  kind: string;
  /** Ids of what it is about, and never contents. */
  data: Readonly<Record<string, unknown>>;
  /** Not before so many seconds from now. */
  startAfterSeconds?: number;
}

/** Puts a job into the queue through the executor, so that it exists exactly if the executor's transaction commits. */
export type SendJob = (executor: SqlExecutor, job: NewJob) => Promise<string>;

export interface QueueConnection extends SqlExecutor {
  close(): Promise<void>;
}

export interface QueueConnectionOptions {
  url: string;
  onError(error: Error): void;
}

/** Connections of the queue beside the pool's: one that takes jobs, one that settles them, two for what is sent meanwhile. */
const MAX_CONNECTIONS = 4;
/** Longer than the longest statement may take on a connection whose own limits are in force. */
const QUERY_TIMEOUT_MS = 20_000;

/**
 * Connections that are in no workspace, for the tables of the queue alone. None of its statements rests on what an
 * earlier one left in the session, so that a transaction pooler may stand between.
 */
export function openQueueConnection({ url, onError }: QueueConnectionOptions): QueueConnection {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    application_name: "sim-parlant-jobs",
    // pg-pool makes its connections of this class and awaits the hook before it lends one.
    ...{ Client: UtcClient, onConnect: setUpConnection },
  });
  pool.on("error", onError);
  return {
    executeSql: (text, values) => pool.query<object>(text, values),
    close: () => pool.end(),
  };
}
