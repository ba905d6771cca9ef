import type { ModelMap, Relation } from "./schema-map.ts";
import { type Arguments, each, isPlain, modelOf, namesWorkspace, type Scope } from "./scope.ts";
import { ownFilter, ownRows, scopeCursor } from "./scope-filter.ts";

/** A select or include whose related rows and counts are the workspace's. */
export function scopeSelection(scope: Scope, model: ModelMap, selection: unknown): unknown {
  if (selection === undefined || selection === null) return selection;
  if (!isPlain(selection)) return scope.refuse("a selection of this kind");
  return Object.fromEntries(
    Object.entries(selection).map(([name, value]) => {
      if (name === "_count") return [name, scopeCounts(scope, model, value)];
      const relation = model.relations.get(name);
      return [name, relation && value !== false ? scopeRelated(scope, relation, value) : value];
    }),
  );
}

/** The arguments of a relation that is read: `true`, or what findMany takes. */
function scopeRelated(scope: Scope, relation: Relation, value: unknown): unknown {
  const model = modelOf(scope, relation.model);
  // The reference to one row carries the workspace in its key, and takes no filter where it is required.
  if (value === true) return relation.isList ? { where: ownRows(scope, model) } : true;
  if (!isPlain(value)) return scope.refuse("a selection of this kind");
  const scoped: Arguments = relation.isList ? { where: ownRows(scope, model) } : {};
  for (const [name, argument] of Object.entries(value)) {
    switch (name) {
      case "where":
        scoped[name] = ownFilter(scope, model, argument);
        break;
      case "select":
      case "include":
        scoped[name] = scopeSelection(scope, model, argument);
        break;
      case "orderBy":
        scoped[name] = scopeOrder(scope, model, argument);
        break;
      case "cursor":
        scoped[name] = scopeCursor(scope, model, argument);
        break;
      case "omit":
      case "take":
      case "skip":
      case "distinct":
        scoped[name] = argument;
        break;
      default:
        return scope.refuse(`the argument "${name}" of a relation`);
    }
  }
  return scoped;
}

/** Counts of related rows: `true` is every list that leads to rows of the workspace. */
function scopeCounts(scope: Scope, model: ModelMap, value: unknown): unknown {
  const lists = [...model.relations].filter(([, { isList, model }]) => isList && scope.schema.get(model)?.scope === "workspace");
  if (value === true) {
    return {
      select: Object.fromEntries(
        lists.map(([name, relation]) => [name, { where: ownRows(scope, modelOf(scope, relation.model)) }]),
      ),
    };
  }
  if (!isPlain(value) || Object.keys(value).some((name) => name !== "select") || !isPlain(value["select"])) {
    return scope.refuse("a count of this kind");
  }
  return {
    select: Object.fromEntries(
      Object.entries(value["select"]).map(([name, counted]) => {
        const relation = model.relations.get(name);
        if (!relation) return scope.refuse(`a count of "${name}"`);
        return [name, counted === false ? false : scopeRelated(scope, relation, counted)];
      }),
    ),
  };
}

/** An order, through relations too. Related rows are the workspace's by their keys, so their fields and counts are. */
export function scopeOrder(scope: Scope, model: ModelMap, order: unknown): unknown {
  return each(order, (one) => {
    if (one === undefined) return one;
    if (!isPlain(one)) return scope.refuse("an order of this kind");
    return Object.fromEntries(
      Object.entries(one).map(([name, value]) => {
        if (namesWorkspace(name)) return scope.refuse("a workspaceId of the caller's");
        const relation = model.relations.get(name);
        if (!relation) return [name, value];
        const related = modelOf(scope, relation.model);
        return [name, relation.isList ? value : scopeOrder(scope, related, value)];
      }),
    );
  });
}
