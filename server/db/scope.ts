import type { ModelMap, SchemaMap } from "./schema-map.ts";

/** A query that cannot be confined to one workspace: a defect of the verb that made it, never of its caller. */
export class ScopeError extends Error {
  override name = "ScopeError";
}

export type Arguments = Record<string, unknown>;

/** Ends the walk with a ScopeError that names what stood in its way. */
export type Refuse = (what: string) => never;

/** An object that is written out in a call; anything else (a Date, a marker of Prisma's, a class of anyone's) is not walked into. */
export function isPlain(value: unknown): value is Arguments {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** One or several, as Prisma takes them. */
export function each<Result>(value: unknown, work: (one: unknown) => Result): Result | Result[] {
  return Array.isArray(value) ? value.map(work) : work(value);
}

/** Whether a name speaks of the workspace: the field itself, or a compound key that is led by it. */
export function namesWorkspace(name: string): boolean {
  return name === "workspaceId" || name.startsWith("workspaceId_") || name.includes("_workspaceId");
}

/** The walk through one call's arguments. */
export interface Scope {
  schema: SchemaMap;
  workspaceId: string;
  refuse: Refuse;
}

/** The model, if its rows are a workspace's. */
export function modelOf({ schema, refuse }: Scope, name: string): ModelMap {
  const model = schema.get(name);
  return model?.scope === "workspace" ? model : refuse(`the model "${name}"`);
}
