import { z } from "zod";

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

const MAX_DEPTH = 32;
/** Keys that reach an object's prototype where someone merges it carelessly; superjson refuses to carry them. */
const UNSAFE_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** What keeps a value from being stored and returned as given: that it is no JSON as we keep it, or longer than that; or null. */
export function jsonProblem(value: unknown, maxBytes: number): string | null {
  const problem = problemOf(value, MAX_DEPTH, new Set());
  if (problem !== null) return problem;
  return Buffer.byteLength(JSON.stringify(value)) > maxBytes ? `must be at most ${maxBytes} bytes as JSON` : null;
}

/** An opaque JSON object of at most `maxBytes` as UTF-8 JSON, stored and returned as given. */
export function jsonObject(maxBytes: number): z.ZodType<{ [key: string]: JsonValue }, Record<string, unknown>> {
  const schema = z
    .unknown()
    .superRefine((value, check) => {
      const message = isRecord(value) ? jsonProblem(value, maxBytes) : "must be a JSON object";
      if (message !== null) check.addIssue({ code: "custom", message });
    })
    .transform((value) => value as { [key: string]: JsonValue })
    .meta({ type: "object", additionalProperties: true });
  // Its input is told as what it accepts: an object is looked at here alone, because z.record would copy it and drop keys.
  return schema as unknown as z.ZodType<{ [key: string]: JsonValue }, Record<string, unknown>>;
}

/**
 * Why a value is not JSON as we keep it, or null. No object may stand in it twice: superjson brings over circles, and
 * shared objects that would be walked again at each level.
 */
function problemOf(value: unknown, depthLeft: number, seen: Set<object>): string | null {
  switch (typeof value) {
    case "string":
      return value.includes("\0") || !value.isWellFormed() ? "must hold well-formed text without NUL characters" : null;
    case "number":
      return Number.isFinite(value) ? null : "must hold finite numbers";
    case "boolean":
      return null;
    case "object":
      if (value === null) return null;
      if (seen.has(value)) return "must not refer to one object twice";
      seen.add(value);
      if (depthLeft === 0) return `must be nested at most ${MAX_DEPTH} deep`;
      if (Array.isArray(value)) return firstProblem(value, (inner) => problemOf(inner, depthLeft - 1, seen));
      if (!isRecord(value)) return NOT_JSON;
      return firstProblem(Object.entries(value), ([key, inner]) =>
        UNSAFE_KEYS.has(key)
          ? `must not have the key "${key}"`
          : (problemOf(key, depthLeft, seen) ?? problemOf(inner, depthLeft - 1, seen)),
      );
    default:
      return NOT_JSON;
  }
}

const NOT_JSON = "must hold JSON values alone";

function firstProblem<Item>(items: readonly Item[], problem: (item: Item) => string | null): string | null {
  for (const item of items) {
    const found = problem(item);
    if (found !== null) return found;
  }
  return null;
}

/** An object of JSON's own kind: no Date, Map or other class, which superjson would bring over tRPC. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The same text for the same value, in whatever order its keys were given. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
