import type { ModelMap, Relation } from "./schema-map.ts";
import { type Arguments, each, isPlain, modelOf, namesWorkspace, type Scope } from "./scope.ts";
import { ownFilter, scopeUnique } from "./scope-filter.ts";

/**
 * The data of a row that is created, without its workspace: that comes from the caller of this function, or, where the
 * row is created under another, from the reference to it.
 */
export function scopeCreated(scope: Scope, model: ModelMap, data: unknown): Arguments {
  return scopeData(scope, model, data, CREATING);
}

/** The data of a change. The workspace of a row never changes. */
export function scopeChanges(scope: Scope, model: ModelMap, data: unknown): Arguments {
  return scopeData(scope, model, data, CHANGING);
}

function scopeData(scope: Scope, model: ModelMap, data: unknown, ofLists: Operations): Arguments {
  if (!isPlain(data)) return scope.refuse("data of this kind");
  const scoped: Arguments = {};
  for (const [name, value] of Object.entries(data)) {
    if (namesWorkspace(name)) return scope.refuse("a workspaceId of the caller's");
    const relation = model.relations.get(name);
    if (!relation) scoped[name] = value;
    else if (relation.isList) scoped[name] = scopeOperations(scope, relation, value, ofLists);
    else Object.assign(scoped, connectionAsFields(scope, relation, value));
  }
  return scoped;
}

type Operation = (scope: Scope, model: ModelMap, value: unknown) => unknown;
type Operations = Readonly<Record<string, Operation>>;

/** What can be done to related rows where their parent is created. */
const CREATING: Operations = {
  create: (scope, model, value) => each(value, (row) => scopeCreated(scope, model, row)),
  createMany: (scope, model, value) => {
    if (!isPlain(value)) return scope.refuse("a createMany of this kind");
    const { data, skipDuplicates, ...unknown } = value;
    if (Object.keys(unknown).length > 0) return scope.refuse(`the argument "${Object.keys(unknown)[0]}" of a createMany`);
    return {
      data: each(data, (row) => scopeCreated(scope, model, row)),
      ...(skipDuplicates !== undefined && { skipDuplicates }),
    };
  },
  connect: (scope, model, value) => each(value, (where) => scopeUnique(scope, model, where)),
  connectOrCreate: (scope, model, value) =>
    each(value, (one) => parts(scope, one, { where: scopeUnique, create: scopeCreated }, model)),
};

/** What can be done to them where the parent is changed. */
const CHANGING: Operations = {
  ...CREATING,
  update: (scope, model, value) => each(value, (one) => parts(scope, one, { where: scopeUnique, data: scopeChanges }, model)),
  updateMany: (scope, model, value) => each(value, (one) => parts(scope, one, { where: ownFilter, data: scopeChanges }, model)),
  upsert: (scope, model, value) =>
    each(value, (one) => parts(scope, one, { where: scopeUnique, create: scopeCreated, update: scopeChanges }, model)),
  delete: (scope, model, value) => each(value, (where) => scopeUnique(scope, model, where)),
  deleteMany: (scope, model, value) => each(value, (where) => ownFilter(scope, model, where)),
};

function scopeOperations(scope: Scope, relation: Relation, value: unknown, operations: Operations): unknown {
  const model = modelOf(scope, relation.model);
  if (!isPlain(value)) return scope.refuse("a write of this kind to a relation");
  return Object.fromEntries(
    Object.entries(value).map(([name, argument]) => {
      const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
      // set and disconnect would have Prisma clear the whole key, the workspace with it.
      if (!operation) return scope.refuse(`the operation "${name}" on a relation`);
      return [name, operation(scope, model, argument)];
    }),
  );
}

function parts(
  scope: Scope,
  value: unknown,
  walkers: Record<string, (scope: Scope, model: ModelMap, value: unknown) => unknown>,
  model: ModelMap,
): Arguments {
  if (!isPlain(value)) return scope.refuse("a write of this kind to a relation");
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => {
      const walk = Object.hasOwn(walkers, name) ? walkers[name] : undefined;
      if (!walk) return scope.refuse(`the argument "${name}" of a write to a relation`);
      return [name, walk(scope, model, part)];
    }),
  );
}

/**
 * A reference to one row, as the fields that hold it: Prisma takes either references or fields, and the workspace is a
 * field. Anything but connecting to a row by its key is refused: the row is to be made or changed by itself.
 */
function connectionAsFields(scope: Scope, relation: Relation, value: unknown): Arguments {
  modelOf(scope, relation.model);
  if (!isPlain(value) || Object.keys(value).join() !== "connect") return scope.refuse("a write to a relation other than connect");
  if (relation.references.size === 0) return scope.refuse("a connect from the side that holds no reference");
  const where = value["connect"];
  const fields = [...relation.references].filter(([theirs]) => !namesWorkspace(theirs)).sort();
  const names = fields.map(([theirs]) => theirs);
  if (!isPlain(where) || Object.keys(where).sort().join() !== names.join()) {
    return scope.refuse(`a connect by anything but (${names.join(", ")})`);
  }
  return Object.fromEntries(fields.map(([theirs, here]) => [here, where[theirs]]));
}
