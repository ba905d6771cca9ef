import { expect, test } from "vitest";
import { z } from "zod";
import { inputJsonSchema } from "../../server/rest/json-schema.ts";
import { coerceQueryValue, queryIssue } from "../../server/rest/query-value.ts";

const schema = inputJsonSchema(
  z.strictObject({
    count: z.int().default(5),
    ratio: z.number().nullable(),
    isOn: z.boolean().optional(),
    kinds: z.array(z.enum(["a", "b"])).optional(),
    counts: z.array(z.int()),
    either: z.union([z.int(), z.string()]),
    text: z.string(),
    since: z.date(),
  }),
);

const read = (name: string, value: unknown) => coerceQueryValue(schema.properties?.[name] ?? {}, value);

test("text becomes a value of the type that the schema has there, through defaults, null and alternatives", () => {
  expect([read("count", "12"), read("count", "-3"), read("ratio", "0.5"), read("ratio", "2")]).toEqual([12, -3, 0.5, 2]);
  expect([read("isOn", "true"), read("isOn", "1"), read("isOn", "false"), read("isOn", "0")]).toEqual([true, true, false, false]);
  expect([read("either", "7"), read("either", "x"), read("text", "7"), read("text", "true")]).toEqual([7, "x", "7", "true"]);
  expect(read("since", "2026-01-01T00:00:00Z")).toBe("2026-01-01T00:00:00Z");
});

test("text that is no such value stays text, for the schema to refuse", () => {
  for (const text of ["", " 1", "1 ", "1.0", "1e3", "0x1", "+1", "NaN", "Infinity", "١"]) expect(read("count", text)).toBe(text);
  for (const text of ["", "TRUE", "yes", "2", "null", "toString"]) expect(read("isOn", text)).toBe(text);
  for (const text of [".5", "1.", "1e3"]) expect(read("ratio", text)).toBe(text);
});

test("a field is given several times only where it is a list, and once makes a list of one", () => {
  expect(read("kinds", "a")).toEqual(["a"]);
  expect(read("counts", ["1", "x"])).toEqual([1, "x"]);
  expect(queryIssue(schema.properties?.["kinds"], ["a", "b"])).toBeNull();
  expect(queryIssue(schema.properties?.["text"], ["a", "b"])).toBe("must be given only once");
  expect(queryIssue(undefined, ["a", "b"])).toBe("must be given only once");
});

test("a schema of what JSON cannot carry stops the start", () => {
  for (const inner of [z.map(z.string(), z.string()), z.set(z.string()), z.bigint(), z.symbol()]) {
    expect(() => inputJsonSchema(z.object({ inner }))).toThrow();
  }
});
