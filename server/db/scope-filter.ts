import type { ModelMap, Relation } from "./schema-map.ts";
import { type Arguments, each, isPlain, modelOf, namesWorkspace, type Scope } from "./scope.ts";

const LOGICAL = new Set(["AND", "OR", "NOT"]);
const OF_LIST = new Set(["some", "every", "none"]);
const OF_ONE = new Set(["is", "isNot"]);

/** A filter with every relation in it confined to the workspace; the caller adds the workspace of the model itself. */
export function scopeFilter(scope: Scope, model: ModelMap, filter: unknown): Arguments {
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
  const own = (filter: unknown) => ({ ...scopeFilter(scope, model, filter), workspaceId: scope.workspaceId });
  if (!relation.isList && value === null) return null;
  if (!isPlain(value)) return scope.refuse("a filter of this kind on a relation");
  const operators = relation.isList ? OF_LIST : OF_ONE;
  const names = Object.keys(value);
  if (!relation.isList && !names.some((name) => operators.has(name))) return own(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, filter]) => {
      if (!operators.has(name)) return scope.refuse(`the relation filter "${name}"`);
      if (filter === null) return [name, null];
      // Every related row of this workspace: one of another cannot speak against it.
      if (name === "every")
        return [name, { OR: [{ NOT: { workspaceId: scope.workspaceId } }, scopeFilter(scope, model, filter)] }];
      return [name, own(filter)];
    }),
  );
}

/** The unique key that a caller names without its workspace, as the compound key that it is, with any further filters. */
export function scopeUnique(scope: Scope, model: ModelMap, where: unknown): Arguments {
  const { workspaceId } = scope;
  const given = scopeFilter(scope, model, where);
  const key = model.uniqueKeys.find((fields) => fields.every((field) => isValue(given[field])));
  if (!key)
    return scope.refuse(
      `a unique key that is not one of ${model.uniqueKeys.map((fields) => `(${fields.join(", ")})`).join(" ")}`,
    );
  if (key.length === 0) return { ...given, workspaceId };
  const compound = ["workspaceId", ...key].join("_");
  const rest = Object.fromEntries(Object.entries(given).filter(([name]) => !key.includes(name)));
  return { ...rest, [compound]: { workspaceId, ...Object.fromEntries(key.map((field) => [field, given[field]])) }, workspaceId };
}

function isValue(value: unknown): boolean {
  return value !== undefined && value !== null && !isPlain(value);
}
