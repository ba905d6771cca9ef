import { z } from "zod";
import { BODY_SCHEMAS, ErrorAnswer, OUTPUT_SCHEMAS } from "./component-schemas.ts";
import { DATES_AS_TEXT, inputJsonSchema, type JsonSchema, openObjects } from "./json-schema.ts";
import { procedureOf } from "./procedure-of.ts";
import { pathParams } from "./read-input.ts";
import type { Route } from "./routes.ts";

const refTo = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

/** The schemas of the document by name, and which of them each route takes and gives. */
export function toComponents(routes: readonly Route[]) {
  const outputs = nameOutputs(routes);
  const schemas: Record<string, JsonSchema> = { ...toOutputSchemas(outputs) };
  const bodies = new Map<Route, { schema: JsonSchema; isRequired: boolean }>();
  for (const route of routes) {
    const body = toBody(route);
    if (!body) continue;
    const name = nameOf(BODY_SCHEMAS, procedureOf(route.procedure).input) ?? `${pascalCase(route.procedure)}Body`;
    schemas[name] = body;
    bodies.set(route, { schema: refTo(name), isRequired: (body.required ?? []).length > 0 });
  }
  return {
    schemas: Object.fromEntries(Object.entries(schemas).sort(([one], [other]) => one.localeCompare(other))),
    bodyOf: (route: Route) => bodies.get(route) ?? null,
    outputOf(route: Route) {
      const name = nameOf(outputs, procedureOf(route.procedure).output) ?? "";
      return { schema: refTo(name), isVersioned: schemas[name]?.properties?.["version"]?.type === "integer" };
    },
  };
}

function nameOutputs(routes: readonly Route[]): Record<string, z.ZodType> {
  const outputs: Record<string, z.ZodType> = { Error: ErrorAnswer, ...OUTPUT_SCHEMAS };
  for (const { procedure, file, success } of routes) {
    if (file || success === 204) continue;
    const { output } = procedureOf(procedure);
    if (!nameOf(outputs, output)) outputs[`${pascalCase(procedure)}Output`] = output;
  }
  return outputs;
}

function toOutputSchemas(outputs: Record<string, z.ZodType>): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(outputs)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    ...DATES_AS_TEXT,
    io: "output",
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, openObjects(schema as JsonSchema)]));
}

/** The input less what the path names; null where nothing is left. */
function toBody(route: Route): JsonSchema | null {
  if (route.method === "GET") return null;
  const { properties = {}, required = [], ...schema } = inputJsonSchema(procedureOf(route.procedure).input);
  const params = pathParams(route.path);
  const left = Object.entries(properties).filter(([name]) => !params.includes(name));
  if (left.length === 0) return null;
  const stillRequired = required.filter((name) => !params.includes(name));
  const fields = Object.fromEntries(left.map(([name, field]) => [name, isOpaque(field) ? { ...field, ...OPAQUE } : field]));
  return { ...schema, properties: fields, ...(stillRequired.length > 0 && { required: stillRequired }) };
}

/** What a caller must know of opaque JSON, and a schema cannot say of its depths. */
const OPAQUE = {
  description:
    "Opaque JSON, stored and returned as given, at most 16 KiB and 32 levels; at no level a key __proto__, constructor or prototype",
  propertyNames: { not: { enum: ["__proto__", "constructor", "prototype"] } },
};

function isOpaque({ type, additionalProperties }: JsonSchema): boolean {
  return type === "object" && additionalProperties === true;
}

function nameOf(named: Readonly<Record<string, z.ZodType>>, schema: z.ZodType): string | undefined {
  return Object.entries(named).find(([, one]) => one === schema)?.[0];
}

function pascalCase(path: string): string {
  return path.replace(/(?:^|\.)(\w)/g, (_, letter: string) => letter.toUpperCase());
}
