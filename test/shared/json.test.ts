import { expect, test } from "vitest";
import { jsonObject } from "../../server/shared/json.ts";

const schema = jsonObject(64);
const problem = (value: unknown) => schema.safeParse(value).error?.issues[0]?.message;
const shared = {};
const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) });

test("a JSON object passes as it is", () => {
  const value = { a: [1, "é", null, { b: false }], "": -0.5 };
  expect(schema.parse(value)).toBe(value);
});

test("what JSON cannot hold, or could not come back as given, is refused with its reason", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const cases: [unknown, RegExp][] = [
    [null, /JSON object/],
    [[1], /JSON object/],
    ["text", /JSON object/],
    [new Date(), /JSON object/],
    [{ a: new Map() }, /JSON values alone/],
    [{ a: undefined }, /JSON values alone/],
    [{ a: 1n }, /JSON values alone/],
    [{ a: Number.NaN }, /finite/],
    [{ a: "x\0" }, /NUL/],
    [{ "x\0": 1 }, /NUL/],
    [{ a: "\ud800" }, /well-formed/],
    [JSON.parse('{"__proto__":{"x":1}}'), /"__proto__"/],
    [{ a: { constructor: 1 } }, /"constructor"/],
    [circle, /one object twice/],
    [{ a: shared, b: shared }, /one object twice/],
    [nested(32), /nested at most 32/],
    [{ a: "é".repeat(30) }, /at most 64 bytes/],
  ];
  for (const [value, message] of cases) expect(problem(value)).toMatch(message);
});

test("the borders themselves pass", () => {
  expect(jsonObject(1_000).safeParse(nested(31)).success).toBe(true);
  expect(problem({ a: "x".repeat(56) })).toBeUndefined();
  expect(problem({ a: "x".repeat(57) })).toMatch(/64 bytes/);
});
