import { expect, test } from "vitest";
import { PrismaClient } from "../../../server/db/generated/client.ts";
import { readSchemaMap } from "../../../server/db/schema-map.ts";
import { ACTION_RULES } from "../../../server/db/scoped-models.ts";
import { callKinds } from "./calls.ts";
import { type Field, modelOf, readSchema, scopedModels, WORKSPACE } from "./schema.ts";
import { poolOf } from "./values.ts";

const schema = readSchema();
const models = scopedModels(schema);

test("the schema as it is read here is the one that the scope reads", () => {
  const map = readSchemaMap(new PrismaClient({ accelerateUrl: "prisma://unused/?api_key=unused" }));
  expect([...map.keys()].sort()).toEqual([...schema.keys()].sort());
  for (const [name, { scope, relations, uniqueKeys }] of map) {
    const model = modelOf(schema, name);
    expect(model.isScoped).toBe(scope === "workspace");
    expect(model.relations.map((one) => [one.name, one.model, one.isList])).toEqual(
      [...relations].map(([relation, one]) => [relation, one.model, one.isList]),
    );
    expect(model.keys.map((key) => key.filter((field) => field !== WORKSPACE))).toEqual(uniqueKeys);
  }
});

/** What Prisma has no place for, whatever the rules let through. */
const NOWHERE: Record<string, string[]> = { groupBy: ["cursor", "distinct"] };

test.each(["scoped", "raw"] as const)("%s calls have every action, argument and relation of every model", (dialect) => {
  const kinds = callKinds(schema, dialect);
  const labels = new Set(kinds.flatMap(({ positions }) => positions.map(({ label }) => label)));
  const missing: string[] = [];
  for (const model of models) {
    const name = model.name[0]?.toLowerCase() + model.name.slice(1);
    const isSummable = model.fields.some(({ type, isList }) => ["Int", "Float", "BigInt", "Decimal"].includes(type) && !isList);
    const related = model.relations.filter((one) => dialect === "raw" || modelOf(schema, one.model).isScoped);
    for (const [action, rules] of Object.entries(ACTION_RULES)) {
      const expected = Object.keys(rules)
        .filter((argument) => !NOWHERE[action]?.includes(argument))
        .filter((argument) => isSummable || !["_sum", "_avg"].includes(argument))
        .filter((argument) => related.length > 0 || argument !== "include")
        .map((argument) => `${name}.${action}.${argument}`);
      for (const { name: relation, isList } of related) {
        if ("where" in rules) expected.push(`${name}.${action}.where.${relation}.${isList ? "every" : "isNot"}`);
        if ("include" in rules) expected.push(`${name}.${action}.include.${relation}`, `${name}.${action}.select.${relation}`);
        if (action === "update") expected.push(`${name}.update.data.${relation}.upsert`);
        if (action === "create") expected.push(`${name}.create.data.${relation}.connectOrCreate`);
      }
      missing.push(...expected.filter((label) => !labels.has(label)));
    }
  }
  expect(missing).toEqual([]);
});

test("a column of a type without values is named, and where to add some", () => {
  const field = { name: "price", type: "Decimal", values: null } as Field;
  expect(() => poolOf(field)).toThrow(/no values for "price" of type Decimal: add some to POOLS in .*values\.ts/);
});
