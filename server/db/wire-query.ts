import pg from "pg";

/** The part of node-postgres' connection that a query of ours speaks to (pg 8.23, lib/connection.js). */
export interface WireConnection {
  parsedStatements: Record<string, string | undefined>;
  parse(query: { name: string; text: string; types?: number[] }): void;
  bind(config: { statement: string; values: unknown[]; valueMapper: (value: unknown) => unknown }): void;
  describe(portal: { type: "P"; name: string }): void;
  execute(config: { portal?: string; rows?: number }): void;
  close(statement: { type: "S"; name: string }): void;
  sync(): void;
}

/** The members of pg.Query that its type declarations leave out (pg 8.23, lib/query.js). */
interface WireQuery {
  name: string;
  text: string;
  prepare(connection: WireConnection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: WireConnection): void;
}

export type QueryCallback = (error: Error | null, result: pg.QueryResult) => void;

/** pg declares Query without the protocol methods that a subclass overrides. */
export const PgQuery = pg.Query as unknown as new (
  config: object,
  values: undefined,
  callback: QueryCallback,
) => pg.Query & WireQuery;

/** The value of a parameter as it is sent: for values that are text or null. */
export function toWireText(value: unknown): unknown {
  return value;
}

/** Sends a query of ours, and settles as it does. */
export function submit(client: pg.ClientBase, makeQuery: (callback: QueryCallback) => pg.Query): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    client.query(makeQuery((error, result) => (error ? reject(error) : resolve(result))));
  });
}
