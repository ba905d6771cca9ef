import type { Model } from "./schema.ts";

/** What the terms of a call mean, for one row at a time. */
export type Row = Record<string, unknown>;
type Truth = boolean | null;

const not = (truth: Truth): Truth => (truth === null ? null : !truth);
const all = (truths: readonly Truth[]): Truth => (truths.includes(false) ? false : truths.includes(null) ? null : true);
const asList = (value: unknown): Row[] => (Array.isArray(value) ? value : [value]) as Row[];
const isObject = (value: unknown): value is Row => Object.getPrototypeOf(value) === Object.prototype;

/** Whether a row passes a filter; null where SQL does not know. */
export function matches(row: Row, where: Row): Truth {
  return all(
    Object.entries(where).map(([name, value]) => {
      if (!["AND", "OR", "NOT"].includes(name)) return holds(row[name], value);
      // Prisma leaves out what says nothing, so that an OR of nothing else is false.
      const truths = asList(value).flatMap((one) => (Object.keys(one).length > 0 ? [matches(row, one)] : []));
      if (name === "AND") return all(truths);
      return name === "OR" ? not(all(truths.map(not))) : all(truths.map(not));
    }),
  );
}

function holds(value: unknown, condition: unknown): Truth {
  if (condition === null) return value === null;
  if (!isObject(condition)) return value === null ? null : same(value, condition);
  const { mode, ...operators } = condition;
  return all(Object.entries(operators).map(([name, operand]) => compared(value, name, operand, mode === "insensitive")));
}

function compared(value: unknown, operator: string, operand: unknown, isInsensitive: boolean): Truth {
  if (operator === "not" && operand === null) return value !== null;
  if (operator === "in" && asList(operand).length === 0) return false;
  if (operator === "notIn" && asList(operand).length === 0) return true;
  if (value === null) return null;
  const items = value as unknown[];
  const includes = (one: unknown) => items.some((item) => same(item, one));
  const text = (one: unknown) => (isInsensitive ? String(one).toLowerCase() : String(one));
  const operators: Record<string, () => boolean> = {
    equals: () => same(value, operand),
    not: () => !same(value, operand),
    in: () => asList(operand).some((one) => same(value, one)),
    notIn: () => !asList(operand).some((one) => same(value, one)),
    lt: () => order(value, operand) < 0,
    lte: () => order(value, operand) <= 0,
    gt: () => order(value, operand) > 0,
    gte: () => order(value, operand) >= 0,
    contains: () => text(value).includes(text(operand)),
    startsWith: () => text(value).startsWith(text(operand)),
    endsWith: () => text(value).endsWith(text(operand)),
    has: () => includes(operand),
    hasSome: () => asList(operand).some(includes),
    hasEvery: () => asList(operand).every(includes),
    isEmpty: () => (items.length === 0) === operand,
  };
  const known = operators[operator];
  if (!known) throw new Error(`The reference does not know ${operator}`);
  return known();
}

const same = (one: unknown, other: unknown) => textOf(one) === textOf(other);

/** A value as a text that is equal for equal values. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `${one}n` : one));
}

function order(one: unknown, other: unknown): number {
  const [left, right] = [one, other].map((value) => (value instanceof Date ? value.getTime() : value)) as [string, string];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The rows of a page in their order: sorted, from the cursor on, one of each distinct kind, after the skipped, as many as are taken. */
export function page(model: Model, rows: readonly Row[], args: Row): Row[] {
  const take = args["take"] as number | undefined;
  const isBackward = take !== undefined && take < 0;
  let left = sorted(model, rows, asList(args["orderBy"] ?? []));
  if (isBackward) left.reverse();
  const cursor = args["cursor"] as Row | undefined;
  if (cursor) {
    const at = left.findIndex((row) => matches(row, cursor));
    left = at < 0 ? [] : left.slice(at);
  }
  const distinct = args["distinct"] as string[] | undefined;
  if (distinct) {
    const kindOf = (row: Row) => textOf(distinct.map((field) => row[field]));
    left = left.filter((row, at) => left.findIndex((other) => kindOf(other) === kindOf(row)) === at);
  }
  const skip = Number(args["skip"] ?? 0);
  left = left.slice(skip, take === undefined ? undefined : skip + Math.abs(take));
  return isBackward ? left.reverse() : left;
}

function sorted(model: Model, rows: readonly Row[], orders: readonly Row[]): Row[] {
  const terms = orders.flatMap((one) => Object.entries(one));
  return [...rows].sort((one, other) => {
    for (const [name, term] of terms) {
      const { sort, nulls } = isObject(term) ? term : { sort: term, nulls: term === "asc" ? "last" : "first" };
      const values = model.fields.find((field) => field.name === name)?.values;
      const rank = (value: unknown) => (values && value !== null ? values.indexOf(String(value)) : value);
      const [left, right] = [rank(one[name]), rank(other[name])];
      const difference =
        left === null || right === null
          ? (Number(left === null) - Number(right === null)) * (nulls === "last" ? 1 : -1)
          : order(left, right) * (sort === "asc" ? 1 : -1);
      if (difference !== 0) return difference;
    }
    return 0;
  });
}

/** A column after a change. */
export function applied(value: unknown, change: unknown): unknown {
  if (change === null || typeof change !== "object" || !isObject(change)) return change;
  const [[operator, operand] = ["", null]] = Object.entries(change);
  const number = value as number;
  switch (operator) {
    case "set":
      return operand;
    case "increment":
      return value === null ? null : number + (operand as number);
    case "decrement":
      return value === null ? null : number - (operand as number);
    case "multiply":
      return value === null ? null : number * (operand as number);
    case "push":
      return [...(value as unknown[]), ...(operand as unknown[])];
    default:
      // A column of JSON is changed by what it becomes.
      return change;
  }
}

/** What a call shows of a row. */
export function project(model: Model, row: Row, { select, omit }: Row): Row {
  const names = model.fields.map(({ name }) => name);
  const isShown = (name: string) => (select ? (select as Row)[name] === true : (omit as Row | undefined)?.[name] !== true);
  return Object.fromEntries(names.filter(isShown).map((name) => [name, row[name]]));
}
