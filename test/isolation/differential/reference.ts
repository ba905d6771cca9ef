import type { Call } from "./calls.ts";
import { applied, matches, page, project, type Row, textOf } from "./reference-terms.ts";
import { delegateName, type Model } from "./schema.ts";

/** What a table refuses besides the keys that the schema declares: the code of the error, or null. */
export type Rule = (row: Row, others: readonly Row[]) => string | null;

export interface ReferenceOptions {
  rules: Readonly<Record<string, readonly Rule[]>>;
  /** Whether a row with a time in deletedAt is passed over. */
  isHidingDeleted: boolean;
}

/** An error that Prisma names by its code. */
export class Refusal extends Error {}

const refuse = (code: string): never => {
  throw new Refusal(code);
};

/** One workspace as lists in memory: what the calls that follow no relation do to it, in the plainest terms. */
export class Reference {
  readonly #models: ReadonlyMap<string, Model>;
  readonly #options: ReferenceOptions;
  #rows: Map<string, Row[]>;

  constructor(models: readonly Model[], rows: Map<string, Row[]>, options: ReferenceOptions) {
    this.#models = new Map(models.map((model) => [delegateName(model), model]));
    this.#rows = rows;
    this.#options = options;
  }

  /** The answer. A call that is refused leaves everything as it was. */
  call({ model: name, action, args }: Call): unknown {
    const model = this.#models.get(name);
    if (!model) throw new Error(`There is no model ${name}`);
    const before = new Map([...this.#rows].map(([table, rows]) => [table, rows.map((row) => ({ ...row }))]));
    try {
      const answer = this.#answer(model, action.replace(/OrThrow$/, ""), args as Record<string, Row>, action.endsWith("OrThrow"));
      return this.#hasOrphans() ? refuse("P2003") : answer;
    } catch (error) {
      this.#rows = before;
      throw error;
    }
  }

  #answer(model: Model, action: string, args: Record<string, Row>, isDemanded: boolean): unknown {
    const { where = {}, data = {} } = args;
    // A deleted row is not there, unless the filter speaks of that.
    const isHiding = this.#options.isHidingDeleted && !textOf(where).includes('"deletedAt"');
    const isSeen = (row: Row) => !(isHiding && row["deletedAt"] instanceof Date);
    const found = this.#table(model).filter((row) => isSeen(row) && matches(row, where) === true);
    const [first] = action === "findFirst" ? page(model, found, { take: 1, ...args }) : found;
    const one = () => first ?? refuse("P2025");
    const limited = () => found.slice(0, Number(args["limit"] ?? found.length));
    const shown = (row: Row) => project(model, row, args);
    switch (action) {
      case "findUnique":
      case "findFirst":
        return first ? shown(first) : isDemanded ? refuse("P2025") : null;
      case "findMany":
        return page(model, found, args).map(shown);
      case "count": {
        const rows = page(model, found, args);
        if (typeof args["select"] !== "object") return rows.length;
        const countOf = (field: string) => rows.filter((row) => field === "_all" || row[field] !== null).length;
        return Object.fromEntries(Object.keys(args["select"]).map((field) => [field, countOf(field)]));
      }
      case "create":
        return shown(this.#insert(model, data));
      case "createMany":
      case "createManyAndReturn": {
        const rows = (data as unknown as Row[]).map((row) => this.#insert(model, row, Boolean(args["skipDuplicates"])));
        const made = rows.filter((row) => row !== null);
        return action === "createMany" ? { count: made.length } : made.map(shown);
      }
      case "update":
        return shown(this.#change(model, one(), data));
      case "updateMany":
        return { count: limited().map((row) => this.#change(model, row, data)).length };
      case "updateManyAndReturn":
        return limited().map((row) => shown(this.#change(model, row, data)));
      case "upsert":
        return shown(first ? this.#change(model, first, args["update"] ?? {}) : this.#insert(model, args["create"] ?? {}));
      case "delete":
        return shown(this.#remove(model, one()));
      case "deleteMany":
        return { count: limited().map((row) => this.#remove(model, row)).length };
      default:
        throw new Error(`The reference does not know ${action}`);
    }
  }

  #table = ({ name }: Pick<Model, "name">): Row[] => this.#rows.get(name) ?? [];

  #insert(model: Model, data: Row): Row;
  #insert(model: Model, data: Row, isSkipped: boolean): Row | null;
  #insert(model: Model, data: Row, isSkipped = false): Row | null {
    const empty = model.fields.map(({ name, default: value }) => [name, value ?? null]);
    const row: Row = { ...Object.fromEntries(empty), ...data, workspaceId: "a" };
    const code = this.#unfit(model, row);
    if (code === "P2002" && isSkipped) return null;
    if (code) return refuse(code);
    this.#table(model).push(row);
    return row;
  }

  #change(model: Model, row: Row, data: Row): Row {
    const changed = { ...row };
    for (const [field, change] of Object.entries(data)) changed[field] = applied(row[field], change);
    const code = this.#unfit(model, changed, row);
    if (code) refuse(code);
    return Object.assign(row, changed);
  }

  #remove(model: Model, row: Row): Row {
    this.#rows.set(
      model.name,
      this.#table(model).filter((other) => other !== row),
    );
    for (const { child, isOf } of this.#children(model))
      for (const other of this.#table(child).filter((one) => isOf(one, row))) this.#remove(child, other);
    return row;
  }

  /** Why the table would not have the row at once; whether its references hold is looked at when the call is done. */
  #unfit(model: Model, row: Row, old?: Row): string | null {
    // A list is never null in our tables: one without a default has to be given.
    if (model.fields.some(({ name, isList }) => isList && row[name] === null)) return "P2011";
    const others = this.#table(model).filter((other) => other !== old);
    const broken = (this.#options.rules[model.name] ?? []).map((rule) => rule(row, others)).find((code) => code !== null);
    const isTaken = model.keys.some((key) => others.some((other) => key.every((field) => other[field] === row[field])));
    return broken ?? (isTaken ? "P2002" : null);
  }

  #hasOrphans(): boolean {
    return [...this.#models.values()].some((parent) =>
      this.#children(parent).some(({ child, isOf }) =>
        this.#table(child).some((one) => !this.#table(parent).some((other) => isOf(one, other))),
      ),
    );
  }

  #children({ name }: Model): { child: Model; isOf(child: Row, parent: Row): boolean }[] {
    return [...this.#models.values()].flatMap((child) =>
      child.relations
        .filter(({ model, fields }) => model === name && fields.length > 0)
        .map(({ fields, references }) => ({
          child,
          isOf: (one: Row, parent: Row) => fields.every((field, at) => one[field] === parent[references[at] ?? ""]),
        })),
    );
  }
}
