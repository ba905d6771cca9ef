import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import pg from "pg";
import type { Statement } from "./sim-reader.ts";
import { PgQuery, submit, toWireText, type WireConnection } from "./wire-query.ts";

/**
 * A connection in UTC. The zone is a parameter of its startup, and no option among others, because PgBouncer keeps
 * TimeZone apart for each client and refuses options that it does not know.
 */
export class UtcClient extends pg.Client {
  /** What node-postgres says of itself to the server (pg 8.23, lib/client.js). */
  getStartupConf(): Record<string, string> {
    const base = pg.Client.prototype as unknown as { getStartupConf(this: pg.Client): Record<string, string> };
    return { ...base.getStartupConf.call(this), TimeZone: "UTC" };
  }
}

/** How long a statement, a wait for a lock and a pause inside a transaction may last, in milliseconds. */
const TIMEOUTS = { statement_timeout: "15000", lock_timeout: "3000", idle_in_transaction_session_timeout: "30000" } as const;

/** What the session behind a connection says of itself. */
interface ConnectionTraits {
  /** Whether the pid that the connection was told is its backend's; a pooler tells one of its own making. */
  isDirect: boolean;
  /** Whether the name that a statement was given is the one under which the backend has it; a pooler that tracks names gives its own. */
  isNamedAsGiven: boolean;
}

/** Connections through a pooler, whose sessions change between transactions. */
const pooled = new WeakMap<pg.ClientBase, ConnectionTraits>();

/**
 * The connection's timeouts are in force, and it is known how statements may be sent on it. To be awaited once per
 * connection, before anything else is sent. Nothing is left on a session that a pooler lends to others next.
 *
 * @throws as a connection does that is lost, where no answer comes in the time that connecting may take: a pooler takes
 * a connection at once and lets its first statement wait
 */
export async function setUpConnection(client: pg.ClientBase): Promise<void> {
  const { processID, connection, _connectionTimeoutMillis: limitMs } = client as unknown as ClientInternals;
  const timer = limitMs > 0 ? setTimeout(() => connection.stream.destroy(), limitMs) : undefined;
  try {
    // A pooler may tell no process id at all.
    const { rows } = await submit(client, (callback) => new SetUpQuery(`setup_${randomUUID()}`, processID ?? 0, callback));
    const [traits] = rows as ConnectionTraits[];
    if (!traits) throw new Error("PostgreSQL has no answer to what its session is");
    if (!traits.isDirect) pooled.set(client, traits);
  } finally {
    clearTimeout(timer);
  }
}

/** What node-postgres' client knows and does not declare (pg 8.23, lib/client.js). */
interface ClientInternals {
  processID: number | null;
  connection: { stream: Duplex };
  _connectionTimeoutMillis: number;
}

/** Whether the connection that was set up has its session for itself, which LISTEN needs. */
export function isDirect(client: pg.ClientBase): boolean {
  return !pooled.has(client);
}

/** Whether a statement prepared by name is there in the transactions to come. Through an older PgBouncer it may not be. */
export function keepsStatements(client: pg.ClientBase): boolean {
  return !pooled.get(client)?.isNamedAsGiven;
}

/** What has to lead every transaction of the connection, because its session may not be the one before. */
export function leadingStatements(client: pg.ClientBase): readonly Statement[] {
  return pooled.has(client) ? [SET_TIMEOUTS] : [];
}

const SET_TIMEOUTS: Statement = {
  name: "set_timeouts",
  text: `select ${Object.keys(TIMEOUTS)
    .map((name, index) => `set_config('${name}', $${index + 1}, true)`)
    .join(", ")}`,
  values: Object.values(TIMEOUTS),
};

/** Sets the timeouts, for the transaction alone where the session is a pooler's, and tells which it is: one flight, one statement. */
class SetUpQuery extends PgQuery {
  readonly #name: string;
  readonly #values: string[];

  constructor(name: string, processId: number, callback: ConstructorParameters<typeof PgQuery>[2]) {
    const settings = Object.keys(TIMEOUTS).map(
      (setting, index) => `set_config('${setting}', $${index + 3}, pg_backend_pid() <> $1)`,
    );
    const text = `select pg_backend_pid() = $1::integer as "isDirect",
  exists (select from pg_prepared_statements where name = $2) as "isNamedAsGiven", ${settings.join(", ")}`;
    super({ text, queryMode: "extended" }, undefined, callback);
    this.#name = name;
    this.#values = [String(processId), name, ...Object.values(TIMEOUTS)];
  }

  override prepare(connection: WireConnection): void {
    const statement = this.#name;
    connection.parse({ name: statement, text: this.text });
    connection.bind({ statement, values: this.#values, valueMapper: toWireText });
    connection.describe({ type: "P", name: "" });
    connection.execute({ portal: "", rows: 0 });
    connection.close({ type: "S", name: statement });
    connection.sync();
  }
}
