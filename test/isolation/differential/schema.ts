import { readdirSync, readFileSync } from "node:fs";
import { MODEL_SCOPE } from "../../../server/db/scoped-models.ts";

/** A column, as the Prisma schema declares it. */
export interface Field {
  name: string;
  column: string;
  type: string;
  isUuid: boolean;
  /** Whether it names a workspace. */
  isWorkspace: boolean;
  isList: boolean;
  isOptional: boolean;
  /** A row can be made without it. */
  hasDefault: boolean;
  /** What it then is, where the schema says so. */
  default: unknown;
  /** The values of an enum, in order. */
  values: readonly string[] | null;
}

export interface Relation {
  name: string;
  model: string;
  isList: boolean;
  isOptional: boolean;
  /** The fields here that hold the reference, and those they refer to; empty where the other side holds it. */
  fields: readonly string[];
  references: readonly string[];
  /** The relation of the other model that leads back. */
  opposite: string;
}

export interface Model {
  name: string;
  table: string;
  isScoped: boolean;
  fields: readonly Field[];
  relations: readonly Relation[];
  /** Unique keys, the primary one first. */
  keys: readonly (readonly string[])[];
}

export type Schema = ReadonlyMap<string, Model>;

export const WORKSPACE = "workspaceId";
/** Sim's, to which every workspaceId refers. */
export const WORKSPACE_MODEL = "SimWorkspace";

/** Every model of the schema files: read apart from the server's own reading, which is among what is tested. */
export function readSchema(): Schema {
  const folder = new URL("../../../prisma/schema/", import.meta.url);
  const text = readdirSync(folder)
    .filter((name) => name.endsWith(".prisma"))
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
  const blocks = (kind: string) => [...text.matchAll(new RegExp(`^${kind} (\\w+) \\{\\n([\\s\\S]*?)^\\}`, "gm"))];
  const enums = new Map(
    blocks("enum").map(([, name = "", body = ""]) => [name, linesOf(body).filter((line) => !line.startsWith("@@"))]),
  );
  const bodies = new Map(blocks("model").map(([, name = "", body = ""]) => [name, linesOf(body)]));
  return new Map([...bodies].map(([name, lines]) => [name, toModel(name, lines, enums, bodies)]));
}

/** The models that a workspace's client has, parents before their children. */
export function scopedModels(schema: Schema): Model[] {
  const sorted = new Set<Model>();
  const add = (model: Model) => {
    for (const { model: parent, fields } of model.relations) if (fields.length > 0) add(modelOf(schema, parent));
    if (model.isScoped) sorted.add(model);
  };
  for (const model of schema.values()) add(model);
  return [...sorted];
}

export function modelOf(schema: Schema, name: string): Model {
  const model = schema.get(name);
  if (!model) throw new Error(`The schema has no model "${name}"`);
  return model;
}

/** As Prisma's client calls it. */
export const delegateName = ({ name }: Pick<Model, "name">) => name[0]?.toLowerCase() + name.slice(1);

/** The fields beside the workspace by which a row is known in it. */
export const keyWithin = ({ keys }: Model) => (keys[0] ?? []).filter((field) => field !== WORKSPACE);

function toModel(
  name: string,
  lines: readonly string[],
  enums: ReadonlyMap<string, readonly string[]>,
  models: ReadonlyMap<string, readonly string[]>,
): Model {
  const fields: Field[] = [];
  const relations: Relation[] = [];
  const keys: string[][] = [];
  for (const line of lines) {
    const block = /^@@(id|unique)\(\[([^\]]+)\]/.exec(line);
    if (block) keys[block[1] === "id" ? "unshift" : "push"](list(block[2]));
    const match = /^(\w+)\s+(\w+)(\[\])?(\?)?(.*)$/.exec(line);
    if (!match) continue;
    const [, field = "", type = "", brackets, question, rest = ""] = match;
    const isList = brackets !== undefined;
    if (models.has(type)) {
      relations.push({
        name: field,
        model: type,
        isList,
        isOptional: question !== undefined,
        fields: list(/fields: \[([^\]]+)\]/.exec(rest)?.[1]),
        references: list(/references: \[([^\]]+)\]/.exec(rest)?.[1]),
        opposite: oppositeOf(name, /@relation\("(\w+)"/.exec(rest)?.[1], models.get(type) ?? []),
      });
      continue;
    }
    if (/@id\b/.test(rest)) keys.unshift([field]);
    if (/@unique\b/.test(rest)) keys.push([field]);
    fields.push({
      name: field,
      column: /@map\("([^"]+)"\)/.exec(rest)?.[1] ?? field,
      type,
      isWorkspace: field === WORKSPACE || (name === WORKSPACE_MODEL && field === "id"),
      isUuid: rest.includes("@db.Uuid"),
      isList,
      isOptional: question !== undefined,
      hasDefault: /@default\(|@updatedAt/.test(rest),
      default: defaultOf(type, /@default\(((?:\[[^\]]*\]|"[^"]*"|[\w.]+))\)/.exec(rest)?.[1]),
      values: enums.get(type) ?? null,
    });
  }
  const of = (attribute: string) => new RegExp(`^@@${attribute}\\("([^"]+)"\\)`, "m").exec(lines.join("\n"))?.[1];
  const isScoped = Object.hasOwn(MODEL_SCOPE, name) && MODEL_SCOPE[name as keyof typeof MODEL_SCOPE] === "workspace";
  return { name, table: `"${of("schema")}"."${of("map") ?? name}"`, isScoped, fields, relations, keys };
}

function oppositeOf(model: string, label: string | undefined, lines: readonly string[]): string {
  const candidates = lines.filter(
    (line) =>
      new RegExp(`^\\w+\\s+${model}(\\[\\])?\\??(\\s|$)`).test(line) &&
      (label === undefined || line.includes(`@relation("${label}"`)),
  );
  const [only, ...others] = candidates;
  if (only === undefined || others.length > 0) throw new Error(`Not one relation leads back to ${model}; name it in @relation`);
  return /^\w+/.exec(only)?.[0] ?? "";
}

/** A default that is written out; one that is computed, such as now(), is undefined. */
function defaultOf(type: string, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (type === "Json") return JSON.parse(JSON.parse(text));
  return /^["[\d]|^(true|false)$/.test(text) ? JSON.parse(text) : text;
}

function linesOf(body: string): string[] {
  return body
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("//"));
}

function list(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
