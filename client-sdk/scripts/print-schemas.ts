import { compile, type JSONSchema } from "json-schema-to-typescript";
import { z } from "zod";
import type { NamedSchemas } from "./named-schemas.ts";
import { listProcedures, type ProcedureTree } from "./procedure-tree.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema & { tsType?: string };

const ROOT = "EveryProcedure";

const STYLE = {
  bannerComment: "",
  additionalProperties: false,
  unknownAny: true,
  ignoreMinAndMaxItems: true,
  style: { printWidth: 130 },
};

/** The schemas as TypeScript, and how each is called where it is an input and where it is an output. */
export interface PrintedSchemas {
  source: string;
  inputName(schema: z.ZodType): string;
  outputName(schema: z.ZodType): string;
}

/**
 * Plain interfaces for all that the procedures take and give, with the descriptions and defaults as their comments.
 * A schema that reads differently as an input (one with defaults, say) and is also an output gets two of them.
 */
export async function printSchemas(tree: ProcedureTree, names: NamedSchemas): Promise<PrintedSchemas> {
  const inputs = toDefinitions(names, "input", (name) => name);
  const plainOutputs = toDefinitions(names, "output", (name) => name);
  const differing = differingNames(inputs, plainOutputs);
  const differs = (name: string) => differing.has(name);
  const asInput = (name: string) => (differs(name) && !name.endsWith("Input") ? `${name}Input` : name);
  const asOutput = (name: string) => (differs(name) && name.endsWith("Input") ? `${name}Output` : name);
  const definitions = { ...toDefinitions(names, "input", asInput), ...toDefinitions(names, "output", asOutput) };

  const inputName = (schema: z.ZodType) => asInput(nameOf(names, schema));
  const outputName = (schema: z.ZodType) => asOutput(nameOf(names, schema));
  const used = listProcedures(tree).flatMap(({ input, output }) => [inputName(input), outputName(output)]);
  const root = {
    type: "object",
    properties: Object.fromEntries(used.map((name) => [name, { $ref: `#/$defs/${name}` }])),
    $defs: definitions,
  };
  const printed = await compile(root as JSONSchema, ROOT, STYLE);
  return { source: printed.replace(new RegExp(`export interface ${ROOT} \\{[^}]*\\}\n`), ""), inputName, outputName };
}

/** What the procedures' inputs are once the server has read them: with their defaults, by the procedures' paths. */
export async function printParsedInputs(tree: ProcedureTree, names: NamedSchemas): Promise<string> {
  const root = {
    type: "object",
    properties: Object.fromEntries(
      listProcedures(tree).map(({ path, input }) => [path.join("."), { $ref: `#/$defs/${nameOf(names, input)}` }]),
    ),
    required: listProcedures(tree).map(({ path }) => path.join(".")),
    $defs: toDefinitions(names, "output", (name) => name),
  };
  return compile(root as JSONSchema, "ParsedInputs", STYLE);
}

/** The names whose schemas read differently as an input, by themselves or through another that they refer to. */
function differingNames(inputs: Record<string, JsonSchema>, outputs: Record<string, JsonSchema>): Set<string> {
  const texts = new Map(Object.keys(inputs).map((name) => [name, JSON.stringify(inputs[name])]));
  const differing = new Set([...texts.keys()].filter((name) => texts.get(name) !== JSON.stringify(outputs[name])));
  for (let known = -1; known < differing.size; ) {
    known = differing.size;
    for (const [name, text] of texts) {
      if ([...text.matchAll(/"#\/\$defs\/(\w+)"/g)].some(([, other = ""]) => differing.has(other))) differing.add(name);
    }
  }
  return differing;
}

function nameOf(names: NamedSchemas, schema: z.ZodType): string {
  const name = names.get(schema);
  if (!name) throw new Error("A procedure's schema has no name");
  return name;
}

/** The JSON Schema of every named schema, each referring to the others by name. */
function toDefinitions(
  names: NamedSchemas,
  io: "input" | "output",
  rename: (name: string) => string,
): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [schema, name] of names) registry.add(schema, { id: rename(name) });
  const { schemas }: { schemas: Record<string, JsonSchema> } = z.toJSONSchema(registry, {
    io,
    target: "draft-7",
    unrepresentable: "any",
    uri: (id) => `#/$defs/${id}`,
    override: ({ zodSchema, jsonSchema }) => {
      if (isDate(zodSchema) || (io === "output" && isMadeDate(zodSchema))) (jsonSchema as JsonSchema).tsType = "Date";
    },
  });
  for (const [schema, name] of names) {
    const definition = schemas[rename(name)];
    if (definition) {
      delete definition.$id;
      delete definition.$schema;
      refineObjects(definition);
      if (isOptional(schema, io)) schemas[rename(name)] = orUndefined(definition);
    }
  }
  return schemas;
}

function isDate(schema: z.core.$ZodTypes): boolean {
  return schema._zod.def.type === "date";
}

/** A Date, or something of which one is made. */
function isMadeDate({ _zod: { def } }: z.core.$ZodTypes): boolean {
  return def.type === "union" && (def.options as z.core.$ZodTypes[]).some(isDate);
}

/** Whether it may be undefined: as it is given, or as it is read, where a default takes its place. */
function isOptional(schema: z.ZodType, io: "input" | "output"): boolean {
  const parsed = schema.safeParse(undefined);
  return parsed.success && (io === "input" || parsed.data === undefined);
}

/**
 * What JSON Schema cannot say: a key that may be undefined, an object without keys; and defaults as comments. Done once
 * all is converted: a schema that several objects share is not complete before.
 */
function refineObjects(node: unknown): void {
  if (typeof node !== "object" || node === null) return;
  for (const inner of Object.values(node)) refineObjects(inner);
  const schema = node as JsonSchema;
  if (schema.type !== "object" || !schema.properties) return;
  const properties = schema.properties as Record<string, JsonSchema>;
  const required = new Set(schema.required);
  for (const [key, property] of Object.entries(properties)) {
    const described = withDefaultInComment(property);
    properties[key] = required.has(key) ? described : orUndefined(described);
  }
  if (Object.keys(properties).length === 0) schema.tsType = "Record<string, never>";
  // An answer that is read strictly and an input that is not are one type.
  if (schema.additionalProperties === false) delete schema.additionalProperties;
}

function orUndefined(schema: JsonSchema): JsonSchema {
  const { description, ...rest } = schema;
  return { anyOf: [rest, { tsType: "undefined" } as JsonSchema], ...(description && { description }) };
}

function withDefaultInComment(schema: JsonSchema): JsonSchema {
  if (schema.default === undefined) return schema;
  const { default: value, description, ...rest } = schema;
  return { ...rest, description: `${description ? `${description}\n` : ""}@default ${JSON.stringify(value)}` };
}
