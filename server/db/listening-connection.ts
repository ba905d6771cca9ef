import type pg from "pg";
import { isDirect, setUpConnection, UtcClient } from "./connection-setup.ts";

/** A connection of its own that hears one channel, for as long as it is not closed. */
export interface ListeningConnection {
  /** What it is at this moment. "off" is for good: the database is reached through a pooler that lends sessions. */
  state(): "starting" | "listening" | "lost" | "off";
  close(): Promise<void>;
}

export interface ListeningOptions {
  url: string;
  channel: string;
  connectTimeoutMs: number;
  onPayload(payload: string): void;
  /** It listens, from now on; what was sent before is missed. */
  onListening(): void;
  onLost(error: Error): void;
  onOff(): void;
  /** How often the connection is asked whether it is still there, and how long it may take to say so. */
  pingIntervalMs?: number;
  pingTimeoutMs?: number;
  /** The pause before it is made anew; it doubles up to the longest. */
  backoffMs?: number;
  maxBackoffMs?: number;
}

const JITTER = 0.3;

/**
 * Listens from now on, and again soon after each loss of the connection. It resolves once the first attempt has come to
 * something. A half-open connection is found out by asking: PostgreSQL sends nothing where nothing happens.
 */
export async function openListeningConnection(options: ListeningOptions): Promise<ListeningConnection> {
  const { backoffMs = 100, maxBackoffMs = 10_000, pingIntervalMs = 5_000, pingTimeoutMs = 5_000 } = options;
  let state: ReturnType<ListeningConnection["state"]> = "starting";
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  let isClosed = false;
  let running: Promise<void> = Promise.resolve();

  const later = (delayMs: number, work: () => void) => {
    clearTimeout(timer);
    if (!isClosed) timer = setTimeout(work, delayMs).unref();
  };

  /** Called at most once for each connection. */
  const lose = (lost: pg.Client, error: Error) => {
    if (client !== lost) return;
    client = undefined;
    destroy(lost);
    if (isClosed) return;
    if (state !== "lost") options.onLost(error);
    state = "lost";
    const delayMs = Math.min(maxBackoffMs, backoffMs * 2 ** failures++) * (1 - JITTER * Math.random());
    later(delayMs, () => {
      running = connect();
    });
  };

  const ping = (asked: pg.Client) => {
    later(pingIntervalMs, () => {
      const overdue = setTimeout(
        () => lose(asked, new Error(`It has not answered within ${pingTimeoutMs} ms`)),
        pingTimeoutMs,
      ).unref();
      asked
        .query("select")
        .then(
          () => client === asked && ping(asked),
          (error: Error) => lose(asked, error),
        )
        .finally(() => clearTimeout(overdue));
    });
  };

  const connect = async () => {
    const opened = new UtcClient({
      connectionString: options.url,
      connectionTimeoutMillis: options.connectTimeoutMs,
      keepAlive: true,
      application_name: "sim-parlant-server hints",
    });
    client = opened;
    opened.on("error", (error) => lose(opened, error));
    opened.on("end", () => lose(opened, new Error("The server has closed it")));
    opened.on("notification", ({ payload }) => {
      if (payload !== undefined) options.onPayload(payload);
    });
    try {
      await opened.connect();
      await setUpConnection(opened);
      if (!isDirect(opened)) {
        // What listens there is a session that the pooler lends to others next.
        client = undefined;
        state = "off";
        options.onOff();
        await opened.end();
        return;
      }
      await opened.query(`LISTEN ${opened.escapeIdentifier(options.channel)}`);
      if (client !== opened) return;
      failures = 0;
      state = "listening";
      options.onListening();
      ping(opened);
    } catch (error) {
      lose(opened, error as Error);
    }
  };

  running = connect();
  await running;
  return {
    state: () => state,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      const open = client;
      client = undefined;
      if (open) {
        // With the database away there is nobody to say goodbye to.
        const overdue = setTimeout(() => destroy(open), 1_000).unref();
        await open.end().catch(() => {});
        clearTimeout(overdue);
      }
      await running;
    },
  };
}

/** Its socket is closed, without a word of protocol. */
function destroy(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
