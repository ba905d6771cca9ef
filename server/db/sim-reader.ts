/** One prepared statement: the name must be unique to its text. */
export interface Statement {
  name: string;
  text: string;
  values: unknown[];
}

/** Reads Sim's tables, outside any workspace: our own tables show no row to it. Timestamps come back as UTC Dates. */
export interface SimReader {
  query<Row extends object>(statement: Statement): Promise<Row[]>;
}
