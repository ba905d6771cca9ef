import { z } from "zod";

/** A JSON Schema, draft 2020-12. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  description?: string;
  [keyword: string]: unknown;
}

/** Dates go over the wire as ISO 8601 text. What JSON cannot carry (a Map, a bigint) is an error, and stops the start. */
export const DATES_AS_TEXT = {
  target: "draft-2020-12",
  unrepresentable: ({ zodSchema }) => (zodSchema._zod.def.type === "date" ? { type: "string", format: "date-time" } : "throw"),
} as const satisfies z.core.ToJSONSchemaParams;

/**
 * What a caller may send for the schema. A default is told also where the field's text is normalised, which zod leaves
 * out: what normalises here keeps the type, so that a default is one of the values that may be sent.
 */
export function inputJsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { ...DATES_AS_TEXT, io: "input", override: tellDefault });
  return json as JsonSchema;
}

function tellDefault({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const { def } = zodSchema._zod;
  if (def.type === "default") jsonSchema.default = def.defaultValue as typeof jsonSchema.default;
}

/** A schema of an answer allows fields that it does not name, so that one more is no breaking change. */
export function openObjects(schema: JsonSchema): JsonSchema {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key, inner]) => !(key === "additionalProperties" && inner === false) && key !== "$schema" && key !== "$id")
        .map(([key, inner]) => [key, walk(inner)]),
    );
  };
  return walk(schema) as JsonSchema;
}
