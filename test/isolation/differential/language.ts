import { delegateName, type Field, type Model, modelOf, type Relation, type Schema, WORKSPACE } from "./schema.ts";
import type { Part, Shape } from "./shapes.ts";
import { isOrdered, OTHERS, poolOf } from "./values.ts";

/**
 * How calls speak. "scoped": as a verb does, with no workspace anywhere, and at each position also with an attempt to
 * name one or to go through a table of Sim's. "raw": Prisma as it is, with every workspace named and every relation taken.
 */
export type Dialect = "scoped" | "raw";

export interface Language {
  schema: Schema;
  dialect: Dialect;
  /** How many relations in a row a call follows. */
  depth: number;
  /** Shapes made so far; each is the same wherever it occurs. */
  known: Map<string, Shape>;
}

export const MAX_DEPTH = 3;

export const oneOf = (values: readonly unknown[]): Shape => ({
  kind: "value",
  make: (random) => values[random(values.length)],
});
export const constant = (value: unknown): Shape => ({ kind: "value", make: () => value });

/** The shape of this name, made once. */
export function known(language: Language, name: string, shape: () => Shape): Shape {
  const found = language.known.get(name);
  if (found) return found;
  const made = shape();
  language.known.set(name, made);
  return made;
}

/** The columns that a call may speak of. */
export function fieldsOf({ dialect }: Language, { fields }: Model): Field[] {
  return fields.filter(({ name }) => dialect === "raw" || name !== WORKSPACE);
}

export function fieldOf(model: Model, name: string): Field {
  const field = model.fields.find((one) => one.name === name);
  if (!field) throw new Error(`${model.name} has no field "${name}"`);
  return field;
}

/** The relations that a call may take. Of Sim's tables only the workspace leads to ours. */
export function relationsOf({ schema, dialect }: Language, { relations }: Model): { relation: Relation; target: Model }[] {
  return relations
    .map((relation) => ({ relation, target: modelOf(schema, relation.model) }))
    .filter(({ target }) => target.isScoped || dialect === "raw");
}

/** The fields of each unique key that a call gives, and the name that Prisma has for them together. */
export function keysOf({ dialect }: Language, { keys }: Model): { fields: readonly string[]; name: string | null }[] {
  return keys.map((fields) => {
    if (dialect === "scoped") return { fields: fields.filter((field) => field !== WORKSPACE), name: null };
    return { fields, name: fields.length > 1 ? fields.join("_") : null };
  });
}

/** The order in which no two rows are alike. */
export function totalOrder({ dialect }: Language, model: Model): { [field: string]: "asc" }[] {
  const fields = (model.keys[0] ?? []).filter((field) => dialect === "raw" || field !== WORKSPACE);
  return fields.map((field) => ({ [field]: "asc" }));
}

export function valuesOf(model: Model, name: string): Shape {
  return oneOf(poolOf(fieldOf(model, name)));
}

/** The ways in which a call at this position might try to leave its workspace; each is made only where it is aimed at. */
export function waysOut({ schema, dialect }: Language, model: Model, kind: "filter" | "data" | "order" | "selection"): Part[] {
  if (dialect === "raw") return [];
  const part = (name: string, ...values: unknown[]): Part => ({
    name: `!${name}`,
    shape: oneOf(values),
    isPosition: true,
    weight: 0,
    excludes: [name],
  });
  const [other = ""] = OTHERS;
  const parts = [
    kind === "filter"
      ? part(WORKSPACE, other, { not: "a" }, { in: OTHERS })
      : part(WORKSPACE, kind === "order" ? "desc" : kind === "selection" ? true : other),
  ];
  const compound = model.keys.find(({ length }) => length > 1);
  if (kind === "filter" && compound) {
    const within = compound.filter((name) => name !== WORKSPACE);
    const columns = within.map((name) => ({ name, shape: valuesOf(model, name), isRequired: true }));
    const key: Shape = {
      kind: "object",
      parts: [{ name: WORKSPACE, shape: constant(other), isRequired: true }, ...columns],
      picks: [0, 0],
    };
    parts.push({ ...part(compound.join("_")), shape: key, excludes: within });
  }
  for (const relation of model.relations.filter((one) => !modelOf(schema, one.model).isScoped)) {
    const back = { [relation.opposite]: { some: {} } };
    const byKind = {
      filter: [{ id: other }, { is: { id: other } }, back],
      data: [{ connect: { id: other } }, { update: { name: "taken" } }],
      order: [{ name: "asc" }],
      selection: [true, { include: { [relation.opposite]: true } }],
    };
    parts.push(part(relation.name, ...byKind[kind]));
  }
  return parts;
}

/** A condition on one column, by equality or by whatever else its type has. */
export function condition(field: Field): Shape {
  const pool = poolOf(field);
  const one = oneOf(pool);
  const some: Shape = { kind: "list", of: one, sizes: [0, 2] };
  const only = (name: string, shape: Shape): Shape => ({
    kind: "object",
    parts: [{ name, shape, isRequired: true }],
    picks: [0, 0],
  });
  if (field.isList) {
    const items = oneOf((pool.at(-1) as readonly unknown[]) ?? []);
    const operators = [only("equals", one), only("has", items), only("hasSome", one), only("hasEvery", one)];
    return { kind: "choice", of: [...operators, only("isEmpty", oneOf([true, false]))] };
  }
  const equality = field.type === "Json" ? [only("equals", one)] : [one, only("equals", one), only("not", one)];
  const sets = field.type === "Json" ? [] : [only("in", some), only("notIn", some)];
  const absence = field.isOptional && field.type !== "Json" ? [constant(null), constant({ not: null })] : [];
  const order = isOrdered(field) ? ["lt", "lte", "gt", "gte"].map((name) => only(name, one)) : [];
  const text =
    field.type === "String" && !field.isUuid
      ? [
          ...["contains", "startsWith", "endsWith"].map((name) => only(name, oneOf(["a", "l", "ta"]))),
          constant({ contains: "ALPH", mode: "insensitive" }),
        ]
      : [];
  return { kind: "choice", of: [...equality, ...sets, ...absence, ...order, ...text] };
}

/** What a call is, up to its arguments. */
export function callName(model: Model, action: string): string {
  return `${delegateName(model)}.${action}`;
}
