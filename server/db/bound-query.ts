import type pg from "pg";
import { keepsStatements, leadingStatements } from "./connection-setup.ts";
import type { Statement } from "./sim-reader.ts";
import { PgQuery, type QueryCallback, submit, toWireText, type WireConnection } from "./wire-query.ts";

/**
 * A query that travels behind preludes: Bind and Execute of each, then Parse, Bind, Describe and Execute of the query,
 * all before one Sync, hence in one implicit transaction and one round trip. A prelude that has a name has to be
 * prepared on the connection already (see PrepareOnly): its ParseComplete could not be told apart from the query's own.
 */
class BoundQuery extends PgQuery {
  readonly #preludes: readonly Statement[];
  #preludesLeft: number;

  constructor(config: object, preludes: readonly Statement[], callback: QueryCallback) {
    super({ ...config, queryMode: "extended" }, undefined, callback);
    this.#preludes = preludes;
    this.#preludesLeft = preludes.length;
  }

  override prepare(connection: WireConnection): void {
    for (const prelude of this.#preludes) executePrelude(connection, prelude);
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (this.#preludesLeft === 0) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.#preludesLeft === 0) super.handleCommandComplete(message, connection);
    else this.#preludesLeft--;
  }
}

/** BEGIN with the preludes right behind it, so that what they set lives as long as the transaction. */
class BoundBegin extends PgQuery {
  readonly #preludes: readonly Statement[];

  constructor(preludes: readonly Statement[], callback: QueryCallback) {
    super({ text: "BEGIN ISOLATION LEVEL READ COMMITTED", queryMode: "extended" }, undefined, callback);
    this.#preludes = preludes;
  }

  override prepare(connection: WireConnection): void {
    connection.parse({ name: "", text: this.text });
    connection.bind({ statement: "", values: [], valueMapper: toWireText });
    connection.execute({ portal: "", rows: 0 });
    for (const prelude of this.#preludes) executePrelude(connection, prelude);
    connection.sync();
  }

  /** The preludes' rows are nobody's result. */
  override handleDataRow(): void {}
}

function executePrelude(connection: WireConnection, { name, text, values }: Statement): void {
  if (name === "") connection.parse({ name, text });
  connection.bind({ statement: name, values, valueMapper: toWireText });
  connection.execute({ portal: "", rows: 0 });
}

/** Prepares a statement on a connection without running it. */
class PrepareOnly extends PgQuery {
  override prepare(connection: WireConnection): void {
    connection.parse({ name: this.name, text: this.text });
    connection.sync();
  }
}

/** Runs a query behind its prelude, in one round trip. */
export async function queryBound(client: pg.PoolClient, config: object, prelude: Statement): Promise<pg.QueryResult> {
  return queryBehind(client, config, await readyPreludes(client, [...leadingStatements(client), prelude]));
}

/** Runs a query that enters no workspace. */
export async function queryUnbound(client: pg.PoolClient, config: object): Promise<pg.QueryResult> {
  return queryBehind(client, config, await readyPreludes(client, leadingStatements(client)));
}

/** Runs a query in the transaction that is open on the connection. */
export function queryInside(client: pg.PoolClient, config: object): Promise<pg.QueryResult> {
  return queryBehind(client, config, []);
}

/** Opens a READ COMMITTED transaction and enters it with the prelude, in one round trip. */
export async function beginBound(client: pg.PoolClient, prelude: Statement): Promise<pg.QueryResult> {
  const preludes = await readyPreludes(client, [...leadingStatements(client), prelude]);
  return submit(client, (callback) => new BoundBegin(preludes, callback));
}

function queryBehind(client: pg.PoolClient, config: object, preludes: readonly Statement[]): Promise<pg.QueryResult> {
  const sendable = keepsStatements(client) ? config : { ...config, name: undefined };
  if (preludes.length === 0) return client.query(sendable as pg.QueryConfig);
  return submit(client, (callback) => new BoundQuery(sendable, preludes, callback));
}

/** The preludes as they may be sent on this connection: prepared on it, or without a name where it keeps none. */
async function readyPreludes(client: pg.PoolClient, preludes: readonly Statement[]): Promise<readonly Statement[]> {
  if (!keepsStatements(client)) return preludes.map((prelude) => ({ ...prelude, name: "" }));
  for (const prelude of preludes) await ensurePrepared(client, prelude);
  return preludes;
}

async function ensurePrepared(client: pg.PoolClient, prelude: Statement): Promise<void> {
  if (isPrepared(client, prelude)) return;
  const { name, text } = prelude;
  await submit(client, (callback) => new PrepareOnly({ name, text }, undefined, callback));
}

function isPrepared(client: pg.PoolClient, prelude: Statement): boolean {
  const { connection } = client as unknown as { connection: WireConnection };
  const text = connection.parsedStatements[prelude.name];
  if (text !== undefined && text !== prelude.text)
    throw new Error(`The prelude "${prelude.name}" was prepared with another text`);
  return text !== undefined;
}
