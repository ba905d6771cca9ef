import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { listProcedures, type ProcedureTree } from "./procedure-tree.ts";

const VALUE_IMPORT = /^(?:import|export)\s+(?!type\b)[^;]*?\bfrom\s+"(\.[^"]+)"/gm;
const TYPE_NAME = /^[A-Z][A-Za-z0-9]*$/;

export type NamedSchemas = Map<z.ZodType, string>;

/** A schema by the name under which a module of the server exports it. */
export interface ExportedSchema {
  name: string;
  schema: z.ZodType;
  /** The module's URL. */
  url: string;
}

/**
 * The type name of each schema that a client can meet: the name under which the server exports it, else one made of its
 * procedure's path.
 *
 * @throws Error where two schemas are exported under one name
 */
export function nameSchemas(tree: ProcedureTree, exported: readonly ExportedSchema[]): NamedSchemas {
  const names: NamedSchemas = new Map();
  const taken = new Map<string, z.ZodType>();
  const give = (schema: z.ZodType, name: string) => {
    const other = taken.get(name);
    if (other && other !== schema) throw new Error(`Two schemas are named ${name}; a client could not tell them apart`);
    if (!names.has(schema)) {
      taken.set(name, schema);
      names.set(schema, name);
    }
  };
  for (const { name, schema } of exported) give(schema, name);
  for (const { path, input, output } of listProcedures(tree)) {
    const stem = path.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join("");
    give(input, `${stem}Input`);
    give(output, `${stem}Output`);
  }
  return names;
}

/** Every schema that `entry` and what it imports export. It runs nothing: all of that has been loaded with the router. */
export async function exportedSchemas(entry: URL): Promise<ExportedSchema[]> {
  const found: ExportedSchema[] = [];
  for (const url of await reachableModules(entry)) {
    const module: Record<string, unknown> = await import(url);
    for (const [name, schema] of Object.entries(module)) {
      if (TYPE_NAME.test(name) && isSchema(schema)) found.push({ name, schema, url });
    }
  }
  return found;
}

async function reachableModules(entry: URL): Promise<Set<string>> {
  const seen = new Set([entry.href]);
  // A Set's iteration also visits what is added to it on the way.
  for (const url of seen) {
    const source = await readFile(new URL(url), "utf8");
    for (const [, specifier] of source.matchAll(VALUE_IMPORT)) {
      if (specifier) seen.add(new URL(specifier, url).href);
    }
  }
  return seen;
}

/** Prisma's enums throw at `instanceof`, which asks for a key that they lack. */
function isSchema(value: unknown): value is z.ZodType {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "_zod");
}
