import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scopeArguments } from "../../../server/db/scope-arguments.ts";
import { type CallKind, callKinds } from "./calls.ts";
import { difference } from "./difference.ts";
import type { Dialect } from "./language.ts";
import { type Mutation, mutatedScope } from "./mutated-scope.ts";
import { isRead, OperationSequence } from "./operations.ts";
import { readSchema } from "./schema.ts";
import { ME, OTHERS } from "./values.ts";
import { makeWorld, type World } from "./world.ts";

/** A leak that is there is found in no more runs than these, of a few calls each. */
const MAX_RUNS = 400;
const CALLS_PER_RUN = 6;

/** What the fuzz finds within so few runs, or null. */
async function findLeak(
  full: World,
  alone: World,
  dialect: Dialect,
  choose: (kind: CallKind) => CallKind | null,
  numRuns = MAX_RUNS,
) {
  const kinds = callKinds(readSchema(), dialect).flatMap((kind) => choose(kind) ?? []);
  const property = fc.asyncProperty(new OperationSequence(kinds, CALLS_PER_RUN), async (operations) => {
    const found = await difference(full, alone, operations);
    if (found !== null) throw new Error(found);
  });
  const { failed, errorInstance } = await fc.check(property, { numRuns, endOnFailure: true });
  return failed ? String(errorInstance) : null;
}

const isScoped = ({ model }: CallKind) => model.isScoped;

describe("control: with neither the scope nor row-level security", () => {
  let worlds: readonly [World, World];

  beforeAll(async () => {
    const layers = { scope: "off", rowLevelSecurity: "off" } as const;
    worlds = await Promise.all([makeWorld("all", layers), makeWorld("mine", layers)]);
  });

  afterAll(async () => {
    await Promise.all((worlds ?? []).map((world) => world.close()));
  });

  test.each(["scoped", "raw"] as const)("%s reads see other workspaces", async (dialect) => {
    const found = await findLeak(...worlds, dialect, (kind) => (isRead(kind.action) && isScoped(kind) ? kind : null));
    expect(found).toMatch(/saw/);
  });

  test("writes see or change other workspaces", async () => {
    const found = await findLeak(...worlds, "raw", (kind) => (!isRead(kind.action) && isScoped(kind) ? kind : null));
    expect(found).not.toBeNull();
  });

  test("a write whose answer gives nothing away is found by the rows that it leaves", async () => {
    const time = new Date(0);
    const fields = { name: "x", nameKey: "x", boundary: "", boundaryKeyVersion: 1, createdAt: time, updatedAt: time };
    const create = (workspaceId: string) => ({
      kind: "call" as const,
      call: {
        model: "agent",
        action: "createMany",
        args: { data: [{ ...fields, workspaceId, id: "01890000-0000-7000-8000-0000000000ff" }] },
        isUnordered: false,
      },
    });
    expect(await difference(...worlds, [create(OTHERS[0] ?? "")])).toMatch(/outside the workspace was changed/);
    expect(await difference(...worlds, [create(ME)])).toBeNull();
  });
});

const REFUSAL_IN_FILTERS = `    if (namesWorkspace(name)) return scope.refuse("a workspaceId of the caller's");
    if (value === undefined)`;
const REFUSAL_IN_DATA = `    if (namesWorkspace(name)) return scope.refuse("a workspaceId of the caller's");
    const relation`;

/**
 * Mistakes that one could make in the scope, each of which lets another workspace through that no key keeps out. A cursor
 * of the caller's own is not among them: as no order names the workspace, Prisma looks for it among the rows it has read.
 */
const MISTAKES: Record<string, Mutation> = {
  "an absent filter is every row": [["scope-arguments.ts", `scoped["where"] = ownRows(scope, model)`, `scoped["where"] = {}`]],
  "filters are not scoped": [["scope-arguments.ts", "return ownFilter(scope, model, value)", "return value"]],
  "the workspace comes first in the merge of a filter, so that the caller's wins": [
    ["scope-filter.ts", REFUSAL_IN_FILTERS, "    if (value === undefined)"],
    [
      "scope-filter.ts",
      "{ ...scopeFilter(scope, model, filter), ...ownRows(scope, model, filter) }",
      "{ ...ownRows(scope, model, filter), ...scopeFilter(scope, model, filter) }",
    ],
  ],
  "unique keys are the caller's": [["scope-arguments.ts", "return scopeUnique(scope, model, value)", "return value"]],
  "the workspace comes first in the merge of what is created": [
    ["scope-writes.ts", REFUSAL_IN_DATA, "    const relation"],
    [
      "scope-arguments.ts",
      `return { ...scopeCreated(scope, model, value), workspaceId: scope.workspaceId }`,
      `return { workspaceId: scope.workspaceId, ...scopeCreated(scope, model, value) }`,
    ],
  ],
  "a change may name a workspace": [["scope-writes.ts", REFUSAL_IN_DATA, "    const relation"]],
  "what is connected in a list is the caller's": [
    [
      "scope-writes.ts",
      "connect: (scope, model, value) => each(value, (where) => scopeUnique(scope, model, where))",
      "connect: (_scope, _model, value) => value",
    ],
  ],
};

/** Where a mistake is to be looked for, where it is known; else wherever a call tries to leave its workspace. */
const WHERE: Record<string, RegExp> = {
  "a change may name a workspace": /\.update\w*\.data\.!workspaceId$/,
  "what is connected in a list is the caller's": /\.connect\.!/,
};

const attempts =
  (at = /!/) =>
  (kind: CallKind): CallKind | null => {
    const positions = kind.positions.filter(({ label }) => at.test(label));
    return positions.length > 0 ? { ...kind, positions } : null;
  };

describe("control: without row-level security, a mistake in the scope is found", () => {
  let worlds: readonly [World, World];
  let scope = scopeArguments;

  beforeAll(async () => {
    const layers = { scope: (...call: Parameters<typeof scope>) => scope(...call), rowLevelSecurity: "off" } as const;
    worlds = await Promise.all([makeWorld("all", layers), makeWorld("mine", layers)]);
  });

  afterAll(async () => {
    await Promise.all((worlds ?? []).map((world) => world.close()));
  });

  test.each(Object.entries(MISTAKES))("%s", { timeout: 120_000 }, async (mistake, mutation) => {
    scope = await mutatedScope(mutation);
    expect(await findLeak(...worlds, "scoped", attempts(WHERE[mistake]))).not.toBeNull();
  });

  test("but none is found where none was made", async () => {
    scope = await mutatedScope([]);
    expect(scope).not.toBe(scopeArguments);
    expect(await findLeak(...worlds, "scoped", attempts(), 40)).toBeNull();
  });
});
