import type { ModelMap, Relation } from "./schema-map.ts";
import { type Arguments, each, isPlain, modelOf, namesWorkspace, type Scope } from "./scope.ts";

const LOGICAL = new Set(["AND", "OR", "NOT"]);
const OF_LIST = new Set(["some", "every", "none"]);
const OF_ONE = new Set(["is", "isNot"]);

/**
 * A filter that only rows of the workspace pass. Rows that were softly deleted do not pass either, unless the filter
 * speaks of `deletedAt` itself.
 */
export function ownFilter(scope: Scope, model: ModelMap, filter: unknown): Arguments {
  return { ...scopeFilter(scope, model, filter), ...ownRows(scope, model, filter) };
}

/** What a filter is given to hold for rows of the workspace that are not deleted. */
export function ownRows({ workspaceId }: Scope, model: ModelMap, filter: unknown = {}): Arguments {
  return { workspaceId, ...(model.isSoftDeleted && !namesDeletion(filter) && { deletedAt: null }) };
}

function namesDeletion(filter: unknown): boolean {
  if (Array.isArray(filter)) return filter.some(namesDeletion);
  if (!isPlain(filter)) return false;
  return Object.entries(filter).some(([name, value]) => name === "deletedAt" || (LOGICAL.has(name) && namesDeletion(value)));
}

/** A filter with every relation in it confined to the workspace, without the workspace of the model itself. */
function scopeFilter(scope: Scope, model: ModelMap, filter: unknown): Arguments {
  if (!isPlain(filter)) return scope.refuse("a filter of this kind");
  const scoped: Arguments = {};
  for (const [name, value] of Object.entries(filter)) {
    const relation = model.relations.get(name);
    if (namesWorkspace(name)) return scope.refuse("a workspaceId of the caller's");
    if (value === undefined) return scope.refuse(`an undefined "${name}" in a filter`);
    if (LOGICAL.has(name)) scoped[name] = each(value, (one) => scopeFilter(scope, model, one));
    else scoped[name] = relation ? scopeRelationFilter(scope, relation, value) : value;
  }
  return scoped;
}

/** A filter on related rows. They lie in the same workspace by their keys; saying so holds also where a key does not. */
function scopeRelationFilter(scope: Scope, relation: Relation, value: unknown): unknown {
  const model = modelOf(scope, relation.model);
  const own = (filter: unknown) => ownFilter(scope, model, filter);
  if (!relation.isList && value === null) return null;
  if (!isPlain(value)) return scope.refuse("a filter of this kind on a relation");
  const operators = relation.isList ? OF_LIST : OF_ONE;
  const names = Object.keys(value);
  if (!relation.isList && !names.some((name) => operators.has(name))) return own(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, filter]) => {
      if (!operators.has(name)) return scope.refuse(`the relation filter "${name}"`);
      if (filter === null) return [name, null];
      // Every related row of this workspace: one of another cannot speak against it, nor can one that is deleted. That it
      // is of the workspace is said again beside the filter, as Prisma leaves an empty one out of an OR.
      if (name === "every") return [name, { OR: [{ NOT: ownRows(scope, model, filter) }, own(filter)] }];
      return [name, own(filter)];
    }),
  );
}

/**
 * The unique key that a caller names without its workspace, as the compound key that it is, with any further filters.
 * A softly deleted row is not found by it, as by ownFilter.
 */
export function scopeUnique(scope: Scope, model: ModelMap, where: unknown): Arguments {
  const given = scopeFilter(scope, model, where);
  const { names, key } = uniqueKey(scope, model, given);
  const rest = Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)));
  return { ...rest, ...key, ...ownRows(scope, model, where) };
}

/** The same for the row where a page begins, which may have been deleted since: by its key alone, as all else panics Prisma. */
export function scopeCursor(scope: Scope, model: ModelMap, cursor: unknown): Arguments {
  const given = scopeFilter(scope, model, cursor);
  const { names, key } = uniqueKey(scope, model, given);
  if (Object.keys(given).length > names.length) return scope.refuse("a cursor of anything but a unique key");
  return { ...key, workspaceId: scope.workspaceId };
}

/** The fields of the unique key that is given, and what Prisma knows it by. */
function uniqueKey(
  { workspaceId, refuse }: Scope,
  model: ModelMap,
  given: Arguments,
): { names: readonly string[]; key: Arguments } {
  const names = model.uniqueKeys.find((fields) => fields.every((field) => isValue(given[field])));
  if (!names)
    return refuse(`a unique key that is not one of ${model.uniqueKeys.map((fields) => `(${fields.join(", ")})`).join(" ")}`);
  if (names.length === 0) return { names, key: {} };
  const fields = Object.fromEntries(names.map((field) => [field, given[field]]));
  return { names, key: { [["workspaceId", ...names].join("_")]: { workspaceId, ...fields } } };
}

function isValue(value: unknown): boolean {
  return value !== undefined && value !== null && !isPlain(value);
}
