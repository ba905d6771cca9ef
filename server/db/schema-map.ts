import type { PrismaClient } from "./generated/client.ts";
import { MODEL_SCOPE } from "./scoped-models.ts";

/** A relation of a model: where it leads, whether to many, and which of the model's own fields hold the reference. */
export interface Relation {
  model: string;
  isList: boolean;
  /** By the other model's field: the field here that refers to it. Empty where the other side holds the reference. */
  references: ReadonlyMap<string, string>;
}

/** A model as the scope needs to know it. */
export interface ModelMap {
  name: string;
  scope: "workspace" | "sim";
  relations: ReadonlyMap<string, Relation>;
  /** Whether its rows are deleted by a time in `deletedAt`, and hidden from then on. */
  isSoftDeleted: boolean;
  /** Its unique keys, each as the fields beside workspaceId; the primary key first. */
  uniqueKeys: readonly (readonly string[])[];
  /** Its columns as a select list that names each as the model's field. */
  columns: string;
  /** Its table's name, without the schema. */
  table: string;
  /** The column of each of its fields. */
  columnOf: ReadonlyMap<string, string>;
}

export type SchemaMap = ReadonlyMap<string, ModelMap>;

const WORKSPACE = "workspaceId";
const DELETED_AT = /^\s*deletedAt\s/m;

/** Reads the schema that the client was generated from, so that a model or relation is known from the day it is added. */
export function readSchemaMap(prisma: PrismaClient): SchemaMap {
  const { _engineConfig } = prisma as unknown as { _engineConfig: { inlineSchema: string } };
  const models = [..._engineConfig.inlineSchema.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)];
  const names = new Set(models.map(([, name = ""]) => name));
  return new Map(models.map(([, name = "", body = ""]) => [name, toModelMap(name, body, names)]));
}

function toModelMap(name: string, body: string, names: ReadonlySet<string>): ModelMap {
  const scope = Object.hasOwn(MODEL_SCOPE, name) ? MODEL_SCOPE[name as keyof typeof MODEL_SCOPE] : undefined;
  if (!scope) throw new Error(`The model "${name}" has no scope; give it one in MODEL_SCOPE`);
  const relations = new Map<string, Relation>();
  const columnOf = new Map<string, string>();
  const keys: string[][] = [];
  for (const line of body.split("\n").map((text) => text.trim())) {
    const block = /^@@(?:id|unique)\(\[([^\]]+)\]/.exec(line);
    if (block) keys.push(list(block[1]));
    const field = /^(\w+)\s+(\w+)(\[\])?\??(.*)$/.exec(line);
    if (!field || line.startsWith("//") || line.startsWith("@@")) continue;
    const [, fieldName = "", type = "", brackets, rest = ""] = field;
    if (names.has(type)) {
      relations.set(fieldName, { model: type, isList: brackets !== undefined, references: referencesOf(rest) });
      continue;
    }
    columnOf.set(fieldName, /@map\("([^"]+)"\)/.exec(rest)?.[1] ?? fieldName);
    if (/@(id|unique)\b/.test(rest)) keys.push([fieldName]);
  }
  const uniqueKeys = keys.map((fields) => fields.filter((one) => one !== WORKSPACE));
  const columns = [...columnOf].map(([field, column]) => `"${column}" as "${field}"`).join(", ");
  const table = /@@map\("([^"]+)"\)/.exec(body)?.[1] ?? name;
  return { name, scope, relations, isSoftDeleted: DELETED_AT.test(body), uniqueKeys, columns, table, columnOf };
}

function referencesOf(attributes: string): ReadonlyMap<string, string> {
  const fields = list(/fields: \[([^\]]+)\]/.exec(attributes)?.[1]);
  const references = list(/references: \[([^\]]+)\]/.exec(attributes)?.[1]);
  return new Map(references.map((reference, index) => [reference, fields[index] ?? ""]));
}

function list(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
