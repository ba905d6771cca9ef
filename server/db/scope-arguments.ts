import { ACTION_RULES, type ArgumentRule, MODEL_SCOPE } from "./scoped-models.ts";

/** A query that cannot be confined to one workspace: a defect of the verb that made it, never of its caller. */
export class ScopeError extends Error {
  override name = "ScopeError";
}

/** The relation fields of each model, from the schema's own metadata. */
export type RelationFields = ReadonlyMap<string, ReadonlySet<string>>;

type Arguments = Record<string, unknown>;
const LOGICAL = new Set(["AND", "OR", "NOT"]);

/**
 * The arguments of an action, confined to a workspace. Whatever is not known to be harmless is refused: an unknown
 * model, action or argument, a relation, raw access, and any mention of workspaceId by the caller.
 *
 * @throws ScopeError naming the model, the action and what is refused
 */
export function scopeArguments(
  call: { model: string; action: string; args: unknown },
  workspaceId: string,
  relations: RelationFields,
): Arguments {
  const { model, action } = call;
  const refuse = (what: string): never => {
    throw new ScopeError(`${model}.${action}: ${what} is not available in a workspace's client`);
  };
  if (scopeOf(model) !== "workspace") refuse("the model");
  const rules = rulesOf(action) ?? refuse("the action");
  const args = (call.args ?? {}) as Arguments;
  const scoped: Arguments = {};
  for (const [name, value] of Object.entries(args)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) refuse(`the argument "${name}"`);
    if (rule !== "plain") refuseRelations(value, relations.get(model) ?? new Set(), refuse);
    scoped[name] = value;
  }
  for (const [name, rule] of Object.entries(rules)) {
    if (rule === "filter" && (name === "where" || scoped[name] !== undefined)) {
      scoped[name] = { ...(scoped[name] as Arguments | undefined), workspaceId };
    }
    if (rule === "data") scoped[name] = withWorkspace(scoped[name], workspaceId);
  }
  return scoped;
}

function scopeOf(model: string): string | undefined {
  return Object.hasOwn(MODEL_SCOPE, model) ? MODEL_SCOPE[model as keyof typeof MODEL_SCOPE] : undefined;
}

function rulesOf(action: string): Record<string, ArgumentRule> | undefined {
  if (!Object.hasOwn(ACTION_RULES, action)) return undefined;
  const rules: Record<string, ArgumentRule> | "refused" = ACTION_RULES[action as keyof typeof ACTION_RULES];
  return rules === "refused" ? undefined : rules;
}

function withWorkspace(data: unknown, workspaceId: string): unknown {
  if (Array.isArray(data)) return data.map((row) => withWorkspace(row, workspaceId));
  return { ...(data as Arguments), workspaceId };
}

/** Looks at the names of a filter, data, selection or order, through AND, OR, NOT and lists, and not into scalar values. */
function refuseRelations(value: unknown, relationFields: ReadonlySet<string>, refuse: (what: string) => never): void {
  if (Array.isArray(value)) {
    for (const one of value) refuseRelations(one, relationFields, refuse);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (relationFields.has(name)) refuse(`the relation "${name}"`);
    if (name === "_count") refuse("a count of relations");
    if (name === "workspaceId" || name.startsWith("workspaceId_")) refuse("a workspaceId of the caller's");
    if (LOGICAL.has(name)) refuseRelations(inner, relationFields, refuse);
  }
}
