import fc from "fast-check";
import superjson from "superjson";
import { expect, test } from "vitest";
import { serializeOutput } from "../../server/trpc/serialize-output.ts";

/** What a client makes of it. */
const received = (output: unknown) => superjson.deserialize(JSON.parse(JSON.stringify(serializeOutput(output))));

/** Which superjson does not carry, and no input can have. */
const REFUSED = ["__proto__", "constructor", "prototype"];
const key = fc
  .oneof(fc.string(), fc.constantFrom("a.b", "a\\b", "\\.", "0", "", "toJSON"))
  .filter((name) => !REFUSED.includes(name));
const leaf = fc.oneof(
  fc.string(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.date({ noInvalidDate: true }),
  fc.bigInt(),
  fc.constant(-0),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4 }),
  ),
}));

test("a client receives what was given, whatever it is", () => {
  fc.assert(
    fc.property(value, (given) => {
      expect(received(given)).toEqual(given);
    }),
    { numRuns: 300 },
  );
});

test("its wire format is superjson's, letter by letter", () => {
  for (const output of [
    null,
    "text",
    new Date(0),
    [],
    { data: [{ id: "a", at: new Date(0), gone: null }], nextCursor: null },
    { "a.b": { "c\\d": new Date(1) } },
    { big: 1n, set: new Set([1]), not: Number.NaN, nothing: undefined },
  ]) {
    expect(JSON.parse(JSON.stringify(serializeOutput(output)))).toEqual(JSON.parse(JSON.stringify(superjson.serialize(output))));
  }
});

test("opaque data may have a key named constructor", () => {
  expect(received({ metadata: { constructor: "x" } })).toEqual({ metadata: { constructor: "x" } });
});

test("what is circular is ended", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  expect(JSON.stringify(serializeOutput(circle))).toContain("self");
});
