import type pg from "pg";
import { type Field, type Model, modelOf, type Schema, scopedModels, WORKSPACE } from "./schema.ts";
import type { Random } from "./shapes.ts";
import { ME, poolOf } from "./values.ts";

type Row = Record<string, unknown>;

const ROWS = { mine: 3, others: 5 };
const TRIES = 60;

/** Each workspace has rows in every table of ours, alike but for their number and the values that only others have. */
export async function fill(superuser: pg.Client, schema: Schema, workspaceIds: readonly string[]): Promise<void> {
  for (const workspaceId of workspaceIds) {
    const random = randomOf(workspaceId.charCodeAt(0));
    const made = new Map<string, Row[]>();
    for (const model of scopedModels(schema)) {
      const rows: Row[] = [];
      const wanted = model.keys[0]?.length === 1 ? 1 : workspaceId === ME ? ROWS.mine : ROWS.others;
      for (let tries = 0; tries < TRIES && rows.length < wanted; tries++) {
        const row = rowOf(schema, model, workspaceId, random, made);
        if (await insert(superuser, model, row)) rows.push(row);
      }
      if (rows.length === 0)
        throw new Error(`No row of ${model.name} could be made: add values in values.ts that its table takes`);
      made.set(model.name, rows);
    }
  }
}

function rowOf(schema: Schema, model: Model, workspaceId: string, random: Random, made: ReadonlyMap<string, Row[]>): Row {
  const row: Row = {};
  for (const field of model.fields) {
    const pool = poolOf(field);
    // The last value is had by the other workspaces alone, so that whatever sees it has seen too much.
    const known = workspaceId === ME && pool.length > 2 ? pool.slice(0, -1) : pool;
    row[field.name] = field.isOptional && random(2) === 0 ? null : known[random(known.length)];
  }
  for (const { model: parent, fields, references } of model.relations) {
    const parents = made.get(modelOf(schema, parent).name);
    const chosen = parents?.[random(parents.length)];
    fields.forEach((field, index) => {
      if (chosen) row[field] = chosen[references[index] ?? ""];
    });
  }
  return { ...row, [WORKSPACE]: workspaceId };
}

/** Whether the table took the row; one that breaks a rule of it is passed over. */
async function insert(superuser: pg.Client, model: Model, row: Row): Promise<boolean> {
  const columns = model.fields.map(({ column }) => `"${column}"`).join(", ");
  const values = model.fields.map((field) => sqlValue(field, row[field.name]));
  const places = values.map((_, index) => `$${index + 1}`).join(", ");
  try {
    const { rowCount } = await superuser.query(
      `insert into ${model.table} (${columns}) values (${places}) on conflict do nothing`,
      values,
    );
    return rowCount === 1;
  } catch (error) {
    const CHECK_VIOLATION = "23514";
    if ((error as { code?: string }).code === CHECK_VIOLATION) return false;
    throw error;
  }
}

function sqlValue({ type }: Field, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (type === "Json") return JSON.stringify(value);
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

/** The same numbers for the same seed each time (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What lies in a database, in short. */
export interface Contents {
  mine: string;
  /** All that the calls must leave as it is: the rows of other workspaces, and Sim's workspaces. */
  others: string;
  /** References into another workspace, or to nothing. */
  crossings: number;
}

/** Keeps a copy of every row, and puts it back. */
export class Snapshot {
  readonly #superuser: pg.Client;
  readonly #models: readonly Model[];
  readonly #contents: string;
  readonly #restoreMine: string;
  readonly #restoreAll: string;
  #restored = 0;

  constructor(superuser: pg.Client, schema: Schema) {
    this.#superuser = superuser;
    this.#models = scopedModels(schema);
    const column = (model: Model, name: string) => `"${model.fields.find((field) => field.name === name)?.column}"`;
    const digest = "coalesce(sum(hashtextextended(t::text, 0)), 0)::text";
    const ours = this.#models.map(
      (model) =>
        `select workspace_id = '${ME}' as is_mine, '${model.name}' || ${digest} as digest from ${model.table} t group by 1`,
    );
    const crossings = this.#models.flatMap((model) =>
      model.relations
        .filter(({ fields }) => fields.length > 0)
        .map(({ model: to, fields, references }) => {
          const parent = modelOf(schema, to);
          const pairs = fields.map((field, index) => `p.${column(parent, references[index] ?? "")} = c.${column(model, field)}`);
          const given = fields.map((field) => `c.${column(model, field)} is not null`);
          return `(select count(*) from ${model.table} c where ${given.join(" and ")}
            and not exists (select from ${parent.table} p where ${pairs.join(" and ")}))`;
        }),
    );
    this.#contents = `with digests as (${ours.join(" union all ")}
      union all select false, 'workspace' || ${digest} from public.workspace t)
      select coalesce(string_agg(digest, ' ' order by digest) filter (where is_mine), '') as mine,
        string_agg(digest, ' ' order by digest) filter (where not is_mine) as others,
        (${crossings.join(" + ")})::int as crossings from digests`;
    const copies = this.#models.map((model) => ({ table: model.table, copy: `fuzz."${model.name}"` }));
    this.#restoreMine = copies
      .map(
        ({ table, copy }) =>
          `delete from ${table} where workspace_id = '${ME}'; insert into ${table} select * from ${copy} where workspace_id = '${ME}'`,
      )
      .join(";");
    this.#restoreAll = [
      ...copies.map(({ table }) => `delete from ${table}`),
      "delete from public.workspace; insert into public.workspace select * from fuzz.workspace",
      ...copies.map(({ table, copy }) => `insert into ${table} select * from ${copy}`),
    ].join(";");
  }

  /** Takes the copy. What is put back later fires no trigger: it is whole by itself. */
  async take(): Promise<void> {
    const copies = this.#models.map(({ name, table }) => `create table fuzz."${name}" as select * from ${table}`);
    await this.#superuser.query(
      `create schema fuzz; ${copies.join(";")}; create table fuzz.workspace as select * from public.workspace;
       set session_replication_role = replica`,
    );
  }

  async contents(): Promise<Contents> {
    const { rows } = await this.#superuser.query<Contents>({ name: "contents", text: this.#contents });
    const [contents] = rows;
    if (!contents) throw new Error("The contents were not read");
    return contents;
  }

  async restore(what: "mine" | "all"): Promise<void> {
    await this.#superuser.query(what === "mine" ? this.#restoreMine : this.#restoreAll);
    // Rows that are replaced over and over leave dead ones, which every later statement would pass over again.
    const EVERY = 200;
    if (++this.#restored % EVERY === 0)
      await this.#superuser.query(`vacuum ${this.#models.map(({ table }) => table).join(", ")}`);
  }
}
