import pg from "pg";
import { type Binding, currentBinding } from "./binding.ts";
import { beginBound, queryBound, queryInside, queryUnbound } from "./bound-query.ts";
import { setUpConnection, UtcClient } from "./connection-setup.ts";
import { isGuardRejection } from "./errors.ts";
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
  #generation = 0;
  #guardRejections = 0;
  readonly #generations = new WeakMap<pg.PoolClient, number>();

  constructor(config: pg.PoolConfig) {
    // pg-pool makes its connections of this class and awaits the hook before it lends one.
    super({ ...config, Client: UtcClient, onConnect: setUpConnection } as pg.PoolConfig);
    this.on("connect", (client) => this.#generations.set(client, this.#generation));
  }

  /**
   * No connection that is there now is lent again. PostgreSQL does not plan a named statement anew when its role's right to
   * bypass row-level security changes, so that one planned while the role had it goes on without, on that connection.
   */
  renewConnections(): void {
    this.#generation++;
  }

  // The declared overloads include callback and cursor forms, which Prisma's adapter does not use.
  override query(...[config]: unknown[]): never {
    return this.#queryBound(currentBinding(), config as object) as never;
  }

  /** The rows of a statement, bound like any other. */
  async queryRows<Row extends object>(statement: Statement): Promise<Row[]> {
    const { rows } = await this.#queryBound(currentBinding(), statement);
    return rows as Row[];
  }

  /** The rows of a statement on Sim's tables. It enters no workspace, so ours show it none. */
  async queryOutside<Row extends object>(statement: Statement): Promise<Row[]> {
    const { rows } = await this.#lend((client) => queryUnbound(client, statement));
    return rows as Row[];
  }

  /** Runs `work` in one transaction, entered at its begin and checked again at its commit; what it throws rolls it back. */
  async transact<Result>(
    binding: Binding,
    work: (run: (statement: Statement) => Promise<object[]>) => Promise<Result>,
  ): Promise<Result> {
    const client = await this.#connectBound(binding);
    try {
      await client.query({ text: "BEGIN" });
      const result = await work(async (statement) => (await client.query(statement)).rows);
      await client.query({ text: "COMMIT" });
      return result;
    } finally {
      // Closes the connection where the transaction is still open, which rolls it back.
      client.release();
    }
  }

  override connect(): never {
    return this.#connectBound(currentBinding()) as never;
  }

  async #queryBound(binding: Binding | undefined, config: object): Promise<pg.QueryResult> {
    if (!binding) throw new UnboundStatementError();
    return this.#lend((client) => this.countRejection(binding, queryBound(client, config, binding.prelude)));
  }

  /** Lends a connection for one statement, and closes it where the statement's failure leaves it in doubt. */
  async #lend(work: (client: pg.PoolClient) => Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    const client = await this.#checkOut();
    try {
      const result = await work(client);
      client.off("error", ignoreLoss);
      client.release();
      return result;
    } catch (error) {
      client.off("error", ignoreLoss);
      client.release(isConnectionUsable(error) ? undefined : asError(error));
      throw error;
    }
  }

  async #checkOut(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await super.connect();
      if (this.#generations.get(client) === this.#generation) return client.on("error", ignoreLoss);
      client.release(true);
    }
  }

  async #connectBound(binding: Binding | undefined): Promise<BoundTransactionClient> {
    if (!binding) throw new UnboundStatementError();
    return new BoundTransactionClient(await this.#checkOut(), binding, this);
  }

  get guardRejections(): number {
    return this.#guardRejections;
  }

  /** The outcome of a statement that travels behind the binding's prelude; a rejection by the guard is counted. */
  async countRejection<Result>(binding: Binding, outcome: Promise<Result>): Promise<Result> {
    try {
      return await outcome;
    } catch (error) {
      if (!binding.isProbe && isGuardRejection(error)) this.#guardRejections++;
      throw error;
    }
  }
}

/** A connection lent for one interactive transaction, entered at BEGIN and checked once more in COMMIT's own flight. */
class BoundTransactionClient {
  readonly #client: pg.PoolClient;
  readonly #binding: Binding;
  readonly #pool: Pick<ScopedPool, "countRejection">;
  /** node-postgres gives up its internal queue; statements of one transaction wait for each other here. */
  #last: Promise<unknown> = Promise.resolve();
  #state: "new" | "open" | "ended" = "new";

  constructor(client: pg.PoolClient, binding: Binding, pool: Pick<ScopedPool, "countRejection">) {
    this.#client = client;
    this.#binding = binding;
    this.#pool = pool;
  }

  query(config: { text: string }): Promise<pg.QueryResult> {
    const result = this.#last.then(() => this.#send(config));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Gives the connection back; one whose transaction is still open is closed instead. */
  release(error?: Error | boolean): void {
    const isOpen = this.#state === "open";
    this.#state = "ended";
    this.#client.off("error", ignoreLoss);
    this.#client.release(isOpen ? true : error);
  }

  on(event: "error", listener: (error: Error) => void): void {
    this.#client.on(event, listener);
  }

  removeListener(event: "error", listener: (error: Error) => void): void {
    this.#client.removeListener(event, listener);
  }

  async #send(config: { text: string }): Promise<pg.QueryResult> {
    // The connection may serve another workspace by now.
    if (this.#state === "ended") throw new Error("A statement was made in a transaction that has ended");
    switch (config.text) {
      case "BEGIN":
        this.#state = "open";
        return await this.#pool.countRejection(this.#binding, beginBound(this.#client, this.#binding.prelude));
      case "COMMIT":
        return await this.#commit(config);
      case "ROLLBACK": {
        const result = await this.#client.query(config);
        this.#state = "ended";
        return result;
      }
      default:
        return await queryInside(this.#client, config);
    }
  }

  async #commit(config: { text: string }): Promise<pg.QueryResult> {
    const committed = this.#pool.countRejection(this.#binding, queryBound(this.#client, config, this.#binding.prelude));
    const result = await committed.catch(async (error: unknown) => {
      // Where even this fails the transaction stays open for release(), which then closes the connection.
      await this.#client.query("ROLLBACK").then(
        () => {
          this.#state = "ended";
        },
        () => {},
      );
      throw error;
    });
    this.#state = "ended";
    // A transaction that failed earlier answers COMMIT with ROLLBACK, and no error.
    if (result.command === "ROLLBACK") throw new Error("The transaction had failed and was rolled back");
    return result;
  }
}

/**
 * SQLSTATEs after which a connection is not to be used again: it is going away, the server is, or what was prepared on
 * it is gone or out of date.
 */
const CONNECTION_SPOILT = /^(08|57P|58|XX|26000|0A000)/;

/** An error that PostgreSQL reported about the statement leaves the connection in order; any other may not. */
function isConnectionUsable(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code !== undefined && !CONNECTION_SPOILT.test(error.code);
}

/** A connection lost while it is lent out fails its statement, which reports it; as an event alone it would end the process. */
function ignoreLoss(): void {}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
