import pg from "pg";
import { type Binding, currentBinding } from "./binding.ts";
import { beginBound, queryBound } from "./bound-query.ts";
import type { Statement } from "./sim-reader.ts";

/** A statement that reached the pool without a binding: a defect of ours, refused before any connection is taken. */
export class UnboundStatementError extends Error {
  override name = "UnboundStatementError";
  constructor() {
    super("A statement was made outside any workspace; our tables are read through a workspace's client alone");
  }
}

/**
 * The pool behind Prisma. Every statement it sends is bound to the workspace of the call that made it; it sends none
 * that is not. Prisma's adapter uses only query and connect, in their promise form.
 */
export class ScopedPool extends pg.Pool {
  // The declared overloads include callback and cursor forms, which Prisma's adapter does not use.
  override query(...[config]: unknown[]): never {
    return this.#queryBound(currentBinding(), config as object) as never;
  }

  /** The rows of a statement, bound like any other. */
  async queryRows<Row extends object>(statement: Statement): Promise<Row[]> {
    const { rows } = await this.#queryBound(currentBinding(), statement);
    return rows as Row[];
  }

  override connect(): never {
    return this.#connectBound(currentBinding()) as never;
  }

  async #queryBound(binding: Binding | undefined, config: object): Promise<pg.QueryResult> {
    if (!binding) throw new UnboundStatementError();
    const client = await super.connect();
    try {
      const result = await queryBound(client, config, binding.prelude);
      client.release();
      return result;
    } catch (error) {
      client.release(isConnectionUsable(error) ? undefined : asError(error));
      throw error;
    }
  }

  async #connectBound(binding: Binding | undefined): Promise<BoundTransactionClient> {
    if (!binding) throw new UnboundStatementError();
    return new BoundTransactionClient(await super.connect(), binding);
  }
}

/** A connection lent for one interactive transaction, entered at BEGIN and checked once more in COMMIT's own flight. */
class BoundTransactionClient {
  readonly #client: pg.PoolClient;
  readonly #binding: Binding;
  /** node-postgres gives up its internal queue; statements of one transaction wait for each other here. */
  #last: Promise<unknown> = Promise.resolve();
  #isOpen = false;

  constructor(client: pg.PoolClient, binding: Binding) {
    this.#client = client;
    this.#binding = binding;
  }

  query(config: { text: string }): Promise<pg.QueryResult> {
    const result = this.#last.then(() => this.#send(config));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Gives the connection back; one whose transaction is still open is closed instead. */
  release(error?: Error | boolean): void {
    this.#client.release(this.#isOpen ? true : error);
  }

  on(event: "error", listener: (error: Error) => void): void {
    this.#client.on(event, listener);
  }

  removeListener(event: "error", listener: (error: Error) => void): void {
    this.#client.removeListener(event, listener);
  }

  async #send(config: { text: string }): Promise<pg.QueryResult> {
    switch (config.text) {
      case "BEGIN":
        this.#isOpen = true;
        return await beginBound(this.#client, this.#binding.prelude);
      case "COMMIT":
        return await this.#commit(config);
      case "ROLLBACK": {
        const result = await this.#client.query(config);
        this.#isOpen = false;
        return result;
      }
      default:
        return await this.#client.query(config);
    }
  }

  async #commit(config: { text: string }): Promise<pg.QueryResult> {
    const result = await queryBound(this.#client, config, this.#binding.prelude).catch(async (error: unknown) => {
      await this.#client.query("ROLLBACK");
      this.#isOpen = false;
      throw error;
    });
    this.#isOpen = false;
    // A transaction that failed earlier answers COMMIT with ROLLBACK, and no error.
    if (result.command === "ROLLBACK") throw new Error("The transaction had failed and was rolled back");
    return result;
  }
}

/** An error that PostgreSQL reported about the statement leaves the connection in order; any other may not. */
function isConnectionUsable(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === "ERROR";
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
