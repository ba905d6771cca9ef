import pg from "pg";
import type { Statement } from "./sim-reader.ts";

/** The part of node-postgres' connection that a query of ours speaks to (pg 8.23, lib/connection.js). */
interface WireConnection {
  parsedStatements: Record<string, string | undefined>;
  parse(query: { name: string; text: string; types?: number[] }): void;
  bind(config: { statement: string; values: unknown[]; valueMapper: (value: unknown) => unknown }): void;
  execute(config: { portal?: string; rows?: number }): void;
  sync(): void;
}

/** The members of pg.Query that its type declarations leave out (pg 8.23, lib/query.js). */
interface WireQuery {
  prepare(connection: WireConnection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: WireConnection): void;
}

type QueryConstructor = new (config: object, values: undefined, callback: QueryCallback) => pg.Query & WireQuery;
type QueryCallback = (error: Error | null, result: pg.QueryResult) => void;

// pg declares Query without the protocol methods that a subclass overrides.
const PgQuery = pg.Query as unknown as QueryConstructor;

/**
 * A query that travels with a prelude: Bind and Execute of the prelude, then Parse, Bind, Describe and Execute of the
 * query, all before one Sync, hence in one implicit transaction and one round trip. The prelude has to be prepared on
 * the connection already (see PrepareOnly): a second ParseComplete could not be told apart from the query's own.
 */
class BoundQuery extends PgQuery {
  readonly #prelude: Statement;
  #isPreludeDone = false;

  constructor(config: object, prelude: Statement, callback: QueryCallback) {
    super({ ...config, queryMode: "extended" }, undefined, callback);
    this.#prelude = prelude;
  }

  override prepare(connection: WireConnection): void {
    executePrelude(connection, this.#prelude);
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (this.#isPreludeDone) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.#isPreludeDone) super.handleCommandComplete(message, connection);
    this.#isPreludeDone = true;
  }
}

/** BEGIN with the prelude right behind it, so that the prelude's setting lives as long as the transaction. */
class BoundBegin extends PgQuery {
  readonly #prelude: Statement;

  constructor(prelude: Statement, callback: QueryCallback) {
    super({ text: "BEGIN ISOLATION LEVEL READ COMMITTED", queryMode: "extended" }, undefined, callback);
    this.#prelude = prelude;
  }

  override prepare(connection: WireConnection): void {
    connection.parse({ name: "", text: (this as unknown as { text: string }).text });
    connection.bind({ statement: "", values: [], valueMapper });
    connection.execute({ portal: "", rows: 0 });
    executePrelude(connection, this.#prelude);
    connection.sync();
  }

  /** The prelude's one row is nobody's result. */
  override handleDataRow(): void {}
}

function executePrelude(connection: WireConnection, prelude: Statement): void {
  connection.bind({ statement: prelude.name, values: prelude.values, valueMapper });
  connection.execute({ portal: "", rows: 0 });
}

/** Prelude values are text or null. */
function valueMapper(value: unknown): unknown {
  return value;
}

/** Prepares a statement on a connection without running it. */
class PrepareOnly extends PgQuery {
  override prepare(connection: WireConnection): void {
    const { name, text } = this as unknown as { name: string; text: string };
    connection.parse({ name, text });
    connection.sync();
  }
}

/** Runs a query behind its prelude, in one round trip. */
export async function queryBound(client: pg.PoolClient, config: object, prelude: Statement): Promise<pg.QueryResult> {
  await ensurePrepared(client, prelude);
  return submit(client, (callback) => new BoundQuery(config, prelude, callback));
}

/** Opens a READ COMMITTED transaction and enters it with the prelude, in one round trip. */
export async function beginBound(client: pg.PoolClient, prelude: Statement): Promise<pg.QueryResult> {
  await ensurePrepared(client, prelude);
  return submit(client, (callback) => new BoundBegin(prelude, callback));
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

function submit(client: pg.PoolClient, makeQuery: (callback: QueryCallback) => pg.Query): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    client.query(makeQuery((error, result) => (error ? reject(error) : resolve(result))));
  });
}
