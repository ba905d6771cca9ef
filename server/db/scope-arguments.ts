import type { ModelMap, SchemaMap } from "./schema-map.ts";
import { type Arguments, isPlain, modelOf, type Refuse, type Scope, ScopeError } from "./scope.ts";
import { ownFilter, ownRows, scopeCursor, scopeUnique } from "./scope-filter.ts";
import { scopeOrder, scopeSelection } from "./scope-selection.ts";
import { scopeChanges, scopeCreated } from "./scope-writes.ts";
import { ACTION_RULES, type ArgumentRule } from "./scoped-models.ts";

/**
 * The arguments of an action, confined to a workspace at every depth: filters, unique keys and cursors gain it, what is
 * created is given it, relations are followed with it. Rows that were softly deleted are passed over, unless the filter
 * at their level speaks of `deletedAt`; only a reference that a row must have is read as it is. Whatever is not known to be harmless is refused: an unknown
 * model, action or argument, a way through Sim's tables, and any mention of workspaceId by the caller.
 *
 * @throws ScopeError naming the model, the action and what is refused
 */
export function scopeArguments(
  call: { model: string; action: string; args: unknown },
  workspaceId: string,
  schema: SchemaMap,
): Arguments {
  const refuse: Refuse = (what) => {
    throw new ScopeError(`${call.model}.${call.action}: ${what} is not available in a workspace's client`);
  };
  const scope: Scope = { schema, workspaceId, refuse };
  const model = modelOf(scope, call.model);
  const rules: Record<string, ArgumentRule> = Object.hasOwn(ACTION_RULES, call.action)
    ? ACTION_RULES[call.action as keyof typeof ACTION_RULES]
    : refuse("the action");
  const args = call.args === undefined ? {} : call.args;
  if (!isPlain(args)) return refuse("an argument of this kind");
  const scoped: Arguments = {};
  for (const [name, value] of Object.entries(args)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) return refuse(`the argument "${name}"`);
    scoped[name] = applyRule(scope, model, rule, value);
  }
  // An absent filter is every row of the workspace; one that came out undefined is a mistake, and refused above.
  if (rules["where"] === "filter" && scoped["where"] === undefined) scoped["where"] = ownRows(scope, model);
  return scoped;
}

function applyRule(scope: Scope, model: ModelMap, rule: ArgumentRule, value: unknown): unknown {
  switch (rule) {
    case "filter":
      return ownFilter(scope, model, value);
    case "unique":
      return scopeUnique(scope, model, value);
    case "cursor":
      return scopeCursor(scope, model, value);
    case "selection":
      return scopeSelection(scope, model, value);
    case "order":
      return scopeOrder(scope, model, value);
    case "created":
      return { ...scopeCreated(scope, model, value), workspaceId: scope.workspaceId };
    case "createdRows":
      return (Array.isArray(value) ? value : [value]).map((row) => ({
        ...scopeCreated(scope, model, row),
        workspaceId: scope.workspaceId,
      }));
    case "changes":
      return scopeChanges(scope, model, value);
    case "plain":
      return value;
  }
}
