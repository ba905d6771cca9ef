import { z } from "zod";

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

const MAX_DEPTH = 32;

/** An opaque JSON object of at most `maxBytes` as UTF-8 JSON, stored and returned as given. */
export function jsonObject(maxBytes: number) {
  return z
    .record(z.string(), z.unknown())
    .refine((value) => depthOf(value, MAX_DEPTH + 1) <= MAX_DEPTH, `must be nested at most ${MAX_DEPTH} deep`)
    .refine((value) => isPlainJson(value, MAX_DEPTH + 1), "must hold JSON values alone, without NUL characters")
    .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= maxBytes, `must be at most ${maxBytes} bytes as JSON`)
    .transform((value) => value as { [key: string]: JsonValue })
    .meta({ type: "object" });
}

function depthOf(value: unknown, limit: number): number {
  if (typeof value !== "object" || value === null || limit === 0) return 0;
  let deepest = 0;
  for (const inner of Object.values(value)) deepest = Math.max(deepest, depthOf(inner, limit - 1));
  return deepest + 1;
}

function isPlainJson(value: unknown, limit: number): boolean {
  if (limit < 0) return false;
  if (typeof value === "string") return !value.includes("\0") && value.isWellFormed();
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "boolean" || value === null) return true;
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return value.every((inner) => isPlainJson(inner, limit - 1));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.entries(value).every(([key, inner]) => isPlainJson(key, limit) && isPlainJson(inner, limit - 1));
}
