import type { Statement } from "./sim-reader.ts";
import { statementName } from "./statement-names.ts";
import type { TenantTable } from "./tenant-tables.ts";

/** A row as PostgreSQL writes it as JSON, by its columns' names: every value of every type comes back from it as it was. */
export type RowJson = string;

/** A workspace's rows of any tenant table, softly deleted ones too: for what takes a workspace as a whole. */
export interface RowReader {
  /** The next rows in the order of the key, behind the row `after`; with the columns given. */
  page(table: TenantTable, query: { columns: readonly string[]; after: RowJson | null; take: number }): Promise<RowJson[]>;
  count(table: TenantTable): Promise<number>;
  /** The last row by the key of those that have one of the values in the column; null where there is none. */
  newest(table: TenantTable, column: string, values: readonly string[]): Promise<RowJson | null>;
}

export interface RowWriter extends RowReader {
  /** Waits until no other transaction holds this workspace as a whole, and holds it until this one ends. */
  lock(): Promise<void>;
  /** Deletes some rows, at most `take`, and says how many. The database refuses it for most tables but in a purge. */
  deleteSome(table: TenantTable, take: number): Promise<number>;
  /** Deletes the workspace's jobs but those that are running, and says how many. */
  deleteJobs(): Promise<number>;
  /** Inserts rows into this workspace, whatever workspace they name; of one that is there the columns `overwrite` are replaced. */
  insert(
    table: TenantTable,
    rows: readonly RowJson[],
    options: { columns: readonly string[]; overwrite?: readonly string[] },
  ): Promise<void>;
}

/** The rows of one workspace. Beside the verbs' clients, and never reachable from one. */
export interface WorkspaceRows extends RowReader {
  /** Runs `work` in one READ COMMITTED transaction, entered at its begin and checked again at its commit. */
  transaction<Result>(work: (tx: RowWriter) => Promise<Result>): Promise<Result>;
}

type Run = (statement: Statement) => Promise<object[]>;

export function createRowReader(workspaceId: string, run: Run): RowReader {
  return {
    async page(table, { columns, after, take }) {
      const key = table.key.map(quote).join(", ");
      const isBehind = `and (${key}) > (select ${key} from jsonb_populate_record(null::${qualified(table)}, $3::jsonb))`;
      const text = `select to_jsonb(page)::text as row from (select ${columns.map(quote).join(", ")} from ${qualified(table)}
where workspace_id = $1 ${after === null ? "" : isBehind}${key && ` order by ${key}`} limit $2) as page`;
      const rows = (await run(toStatement(text, [workspaceId, take, ...(after === null ? [] : [after])]))) as { row: RowJson }[];
      return rows.map(({ row }) => row);
    },
    count: (table) =>
      countOf(run, `select count(*)::float8 as n from ${qualified(table)} where workspace_id = $1`, [workspaceId]),
    async newest(table, column, values) {
      const key = table.key.map((name) => `${quote(name)} desc`).join(", ");
      const text = `select to_jsonb(one)::text as row from ${qualified(table)} as one
where workspace_id = $1 and ${quote(column)} = any ($2) order by ${key} limit 1`;
      const [found] = (await run(toStatement(text, [workspaceId, values]))) as { row: RowJson }[];
      return found?.row ?? null;
    },
  };
}

export function createRowWriter(workspaceId: string, run: Run): RowWriter {
  return {
    ...createRowReader(workspaceId, run),
    async lock() {
      await run(
        toStatement("select pg_advisory_xact_lock(hashtextextended('parlant workspace ' || $1, 0))::text", [workspaceId]),
      );
    },
    deleteSome(table, take) {
      const key = table.key.map(quote).join(", ");
      const isNext = `and (${key}) in (select ${key} from ${qualified(table)} where workspace_id = $1 order by ${key} limit $2)`;
      const text = `with gone as (delete from ${qualified(table)} where workspace_id = $1 ${key === "" ? "and $2 > 0" : isNext} returning 1)
select count(*)::float8 as n from gone`;
      return countOf(run, text, [workspaceId, take]);
    },
    deleteJobs: () =>
      countOf(
        run,
        `with gone as (delete from parlant.job where data ->> 'workspaceId' = $1 and state <> 'active' returning 1)
select count(*)::float8 as n from gone`,
        [workspaceId],
      ),
    async insert(table, rows, { columns, overwrite = [] }) {
      const unknown = columns.filter((column) => !table.columns.includes(column));
      if (unknown.length > 0) throw new Error(`${table.name} has no column ${unknown.join(", ")}`);
      const values = columns.map((column) => (column === "workspace_id" ? "$1" : quote(column)));
      const replaced = overwrite.map((column) => `${quote(column)} = excluded.${quote(column)}`).join(", ");
      const key = ["workspace_id", ...table.key].map(quote).join(", ");
      const text = `insert into ${qualified(table)} (${columns.map(quote).join(", ")})
select ${values.join(", ")} from jsonb_populate_recordset(null::${qualified(table)}, $2::jsonb)${replaced && ` on conflict (${key}) do update set ${replaced}`}`;
      await run(toStatement(text, [workspaceId, `[${rows.join(",")}]`]));
    },
  };
}

async function countOf(run: Run, text: string, values: unknown[]): Promise<number> {
  const [row] = (await run(toStatement(text, values))) as { n: number }[];
  return row?.n ?? 0;
}

function qualified({ name }: TenantTable): string {
  return `parlant.${quote(name)}`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function toStatement(text: string, values: unknown[]): Statement {
  return { name: statementName(text), text, values };
}
