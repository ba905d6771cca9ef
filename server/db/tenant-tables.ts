import type { SchemaMap } from "./schema-map.ts";
import { MODEL_SCOPE } from "./scoped-models.ts";

/** A table whose rows are workspaces', as what takes whole workspaces needs to know it. */
export interface TenantTable {
  model: string;
  /** Without its schema. */
  name: string;
  columns: readonly string[];
  /** Its primary key beside workspace_id; empty where a workspace has one row. */
  key: readonly string[];
}

/**
 * The table of every model whose rows are a workspace's, each behind those that refer to it: the order in which rows can
 * be deleted. WorkspaceState is the last, because a workspace's keys are there until nothing of it is left.
 */
export function listTenantTables(schema: SchemaMap): TenantTable[] {
  const models = [...schema.values()].filter(({ name }) => MODEL_SCOPE[name as keyof typeof MODEL_SCOPE] === "workspace");
  const ordered = new Set<string>();
  const visit = (name: string): void => {
    for (const child of models)
      if (!ordered.has(child.name) && child.name !== name && refersTo(child.name, name)) visit(child.name);
    ordered.add(name);
  };
  const refersTo = (child: string, parent: string) =>
    [...(schema.get(child)?.relations.values() ?? [])].some(({ model, references }) => model === parent && references.size > 0);
  for (const { name } of models) if (name !== "WorkspaceState") visit(name);
  visit("WorkspaceState");
  return [...ordered].flatMap((name) => {
    const model = schema.get(name);
    if (!model) return [];
    const columnOf = (field: string) => model.columnOf.get(field) ?? field;
    return [
      { model: name, name: model.table, columns: [...model.columnOf.values()], key: (model.uniqueKeys[0] ?? []).map(columnOf) },
    ];
  });
}
