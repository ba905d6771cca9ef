import { randomUUID } from "node:crypto";
import type { Logger } from "../shared/logger.ts";
import { decodeHints, encodeHints, type HeardHint, type Hint } from "./hint.ts";
import { type ListeningConnection, type ListeningOptions, openListeningConnection } from "./listening-connection.ts";
import type { Statement } from "./sim-reader.ts";

export type HintListener = (hint: HeardHint) => void;

/** How it stands with hearing the other instances. */
export interface HintState {
  /** "idle": not started. "off": a pooler stands between; what is told is heard here alone. */
  state: "idle" | ReturnType<ListeningConnection["state"]>;
  /** How many connections were lost since the start, and payloads that were no hints. */
  losses: number;
  malformed: number;
}

/**
 * What instances tell each other, so that they need not find it out. Nothing rests on it: a hint may be late, be lost or
 * come twice, and everything is found out without it by the guard, the sweeps and the polling of those who wait.
 */
export interface Hints {
  /** Every instance is told, this one before this resolves. Rejects where the database is away; this instance knows then. */
  publish(hint: Hint): Promise<void>;
  /**
   * The same soon, for what happens often, and never fails: this instance is told at once, the others together within
   * some 50 ms, each hint once. A commit that notifies waits for every other such commit, so it must not ride on hot writes.
   */
  announce(hint: Hint): void;
  /** A listener is told of each hint until it is taken away by what this gives back. It must neither fail nor wait. */
  subscribe(listener: HintListener): () => void;
  /** Hears the other instances from now on; resolves once the first attempt has come to something. */
  start(): Promise<void>;
  state(): HintState;
  close(): Promise<void>;
}

/** The hints of a transaction: sent with its commit, and told here after it. */
export interface TransactionHints {
  statements(hint: Hint): Statement[];
  committed(hints: readonly Hint[]): void;
}

const CHANNEL = "parlant_hints";
const ANNOUNCED_AFTER_MS = 50;
/** Beyond them the others find out by themselves. */
const MAX_ANNOUNCED = 5_000;

export interface HintsOptions {
  send(statement: Statement): Promise<unknown>;
  url: string;
  connectTimeoutMs: number;
  log: Pick<Logger, "info" | "warn" | "error">;
  listening?: Pick<ListeningOptions, "pingIntervalMs" | "pingTimeoutMs" | "backoffMs" | "maxBackoffMs">;
}

/** Hints over one channel of the database, heard on a connection of their own. */
export function createHints(options: HintsOptions): Hints & TransactionHints {
  const { send, log } = options;
  const from = randomUUID();
  const listeners = new Set<HintListener>();
  const counters = { losses: 0, malformed: 0 };
  let connection: ListeningConnection | undefined;
  let hasListened = false;
  let announced = new Map<string, Hint>();
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();
  let isClosed = false;

  const tell = (hint: HeardHint) => {
    for (const listener of listeners) {
      try {
        listener(hint);
      } catch (error) {
        log.error({ hint: hint.kind, err: error }, "a listener failed at a hint");
      }
    }
  };
  const statements = (hints: readonly Hint[]): Statement[] =>
    encodeHints(from, hints).map((payload) => ({
      name: "publish_hints",
      text: "select pg_notify($1, $2)::text",
      values: [CHANNEL, payload],
    }));
  const sendAll = async (hints: readonly Hint[]) => {
    for (const statement of statements(hints)) await send(statement);
  };
  const sendAnnounced = () => {
    timer = undefined;
    const hints = [...announced.values()];
    announced = new Map();
    sending = sendAll(hints).catch((error: Error) => {
      log.warn(
        { hints: hints.length, err: { message: error.message } },
        "hints could not be sent; the others find out by themselves",
      );
    });
    // One batch after the other, so that a slow database is not asked for more and more connections.
    void sending.then(schedule);
  };
  const schedule = () => {
    if (announced.size > 0 && !isClosed) timer ??= setTimeout(sendAnnounced, ANNOUNCED_AFTER_MS).unref();
  };

  return {
    async publish(hint) {
      tell(hint);
      await sendAll([hint]);
    },
    announce(hint) {
      tell(hint);
      if (announced.size < MAX_ANNOUNCED) announced.set(JSON.stringify(hint), hint);
      schedule();
    },
    subscribe(listener) {
      // A listener of its own for each subscription, so that the same function may be given twice.
      const own: HintListener = (hint) => listener(hint);
      listeners.add(own);
      return () => listeners.delete(own);
    },
    async start() {
      connection ??= await openListeningConnection({
        ...options.listening,
        url: options.url,
        connectTimeoutMs: options.connectTimeoutMs,
        channel: CHANNEL,
        onPayload(payload) {
          const heard = decodeHints(payload);
          if (!heard) counters.malformed++;
          else if (heard.from !== from) for (const hint of heard.hints) tell(hint);
        },
        onListening() {
          if (hasListened) log.info("hints of other instances are heard again");
          hasListened = true;
          // Also at the first time: what was sent before is not heard, and this instance may serve already.
          tell({ kind: "missed" });
        },
        onLost(error) {
          counters.losses++;
          log.warn(
            { err: { message: error.message } },
            "hints of other instances are not heard; everything is found out without them",
          );
        },
        onOff() {
          log.warn(
            "hints between instances are off, because the database is reached through a pooler that lends sessions; " +
              "everything is found out without them, a little later",
          );
        },
      });
    },
    state: () => ({ state: connection?.state() ?? "idle", ...counters }),
    async close() {
      isClosed = true;
      clearTimeout(timer);
      listeners.clear();
      await connection?.close();
      await sending;
    },
    statements: (hint) => statements([hint]),
    committed(hints) {
      for (const hint of hints) tell(hint);
    },
  };
}
