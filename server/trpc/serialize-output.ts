import superjson, { type SuperJSONResult } from "superjson";

/** Beyond this depth superjson decides; it also ends what is circular. */
const MAX_DEPTH = 40;

type Annotations = Record<string, ["Date"]>;

/**
 * An output in superjson's wire format. Outputs of JSON values and Dates, which is nearly all of them, are only walked
 * for their Dates and not copied, because copying takes longer than the rest of a call; superjson takes any other.
 * That two Dates are one object is not told: on the wire it means nothing here.
 */
export function serializeOutput(output: unknown): SuperJSONResult {
  if (output instanceof Date || output === undefined) return superjson.serialize(output);
  const annotations: Annotations = {};
  if (!annotate(output, "", annotations, 0)) return superjson.serialize(output);
  const json = output as SuperJSONResult["json"];
  for (const _ in annotations) return { json, meta: { values: annotations, v: 1 } };
  return { json };
}

/** Collects where the Dates stand; false where there is something that JSON would not carry as it is. */
function annotate(value: unknown, path: string, annotations: Annotations, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (value instanceof Date) {
    annotations[path] = ["Date"];
    return !Number.isNaN(value.getTime());
  }
  if (depth === MAX_DEPTH) return false;
  const start = path === "" ? "" : `${path}.`;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!annotate(value[index], start + index, annotations, depth + 1)) return false;
    }
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "__proto__" || key === "") return false;
    if (!annotate(inner, start + escapeKey(key), annotations, depth + 1)) return false;
  }
  return true;
}

/** A dot separates the steps of a path, so one in a key is escaped. */
function escapeKey(key: string): string {
  return key.includes(".") || key.includes("\\") ? key.replace(/\\/g, "\\\\").replace(/\./g, "\\.") : key;
}
