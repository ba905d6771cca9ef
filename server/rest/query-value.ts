import type { JsonSchema } from "./json-schema.ts";

const INTEGER = /^-?\d+$/;
const NUMBER = /^-?\d+(\.\d+)?$/;
const BOOLEANS: Record<string, boolean> = { true: true, "1": true, false: false, "0": false };

/** What is wrong with how often a query names a field; null where nothing is. */
export function queryIssue(schema: JsonSchema | undefined, value: unknown): string | null {
  return Array.isArray(value) && !(schema && typesOf(schema).has("array")) ? "must be given only once" : null;
}

/**
 * Text of a query as a value of the schema's type. Text that is no value of that type stays text, which the schema then
 * refuses by the field's name: nothing is guessed.
 */
export function coerceQueryValue(schema: JsonSchema, value: unknown): unknown {
  const types = typesOf(schema);
  if (types.has("array")) {
    const items = schema.items ?? {};
    return [value].flat().map((one) => coerceQueryValue(items, one));
  }
  if (typeof value !== "string") return value;
  if (types.has("boolean") && Object.hasOwn(BOOLEANS, value)) return BOOLEANS[value];
  if (types.has("integer") && INTEGER.test(value)) return Number(value);
  if (types.has("number") && NUMBER.test(value)) return Number(value);
  return value;
}

/** The types that a schema allows at its top, through its alternatives. */
function typesOf(schema: JsonSchema): Set<string> {
  const own = [schema.type ?? []].flat();
  return new Set([...own, ...(schema.anyOf ?? []).flatMap((one) => [...typesOf(one)])]);
}
