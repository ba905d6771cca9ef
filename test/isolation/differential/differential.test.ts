import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACTION_RULES } from "../../../server/db/scoped-models.ts";
import { type Operation, operation } from "./operations.ts";
import { type Layers, ME, makeWorld, type World } from "./world.ts";

const ACTIONS = Object.keys(ACTION_RULES);
const RUNS = process.env["ISOLATION_FUZZ"] === "long" ? 20_000 : 150;
const CALLS_PER_RUN = 5;

/** What a call came to, as its caller sees it: the value, or the error without what differs between two databases. */
async function outcome(world: World, { model, action, args }: Operation): Promise<string> {
  const delegate = (world.db as unknown as Record<string, Record<string, (args: unknown) => Promise<unknown>>>)[model];
  try {
    return `value ${JSON.stringify(await delegate?.[action]?.(args))}`;
  } catch (error) {
    const { name, code, message } = error as { name: string; code?: string; message: string };
    return `error ${name} ${code ?? message.split("\n").at(-1)}`;
  }
}

/** Runs the same calls in a database with other workspaces and in one without: the first difference, or null. */
async function difference(full: World, alone: World, operations: readonly Operation[]): Promise<string | null> {
  await Promise.all([full.reset(), alone.reset()]);
  const before = await full.others();
  for (const [index, call] of operations.entries()) {
    const [seen, expected] = await Promise.all([outcome(full, call), outcome(alone, call)]);
    counts.set(`${call.model}.${call.action}`, (counts.get(`${call.model}.${call.action}`) ?? 0) + 1);
    if (seen.startsWith("value")) succeeded += 1;
    if (seen !== expected) return `call ${index}: saw ${seen}\nalone it is ${expected}`;
    if ((await full.others()) !== before) return `call ${index}: another workspace was changed`;
  }
  return null;
}

const counts = new Map<string, number>();
let succeeded = 0;

const CONFIGURATIONS: [string, Layers][] = [
  ["the scope alone, without row-level security", { isExtensionOn: true, isRowLevelSecurityOn: false }],
  ["the scope and row-level security together", { isExtensionOn: true, isRowLevelSecurityOn: true }],
];

describe.each(CONFIGURATIONS)("with %s", (_, layers) => {
  let full: World;
  let alone: World;

  beforeAll(async () => {
    [full, alone] = await Promise.all([makeWorld("all", layers), makeWorld("mine", layers)]);
  });

  afterAll(async () => {
    await Promise.all([full?.close(), alone?.close()]);
  });

  test("no sequence of calls is answered otherwise because other workspaces exist, and none changes them", {
    timeout: 3_600_000,
  }, async () => {
    counts.clear();
    succeeded = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation(ACTIONS), { minLength: 1, maxLength: CALLS_PER_RUN }), async (operations) => {
        expect(await difference(full, alone, operations)).toBeNull();
      }),
      { numRuns: RUNS, ...(process.env["ISOLATION_SEED"] && { seed: Number(process.env["ISOLATION_SEED"]) }) },
    );
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    console.log(`${total} calls, ${succeeded} answered with a value, ${counts.size} kinds of call`);
    expect(succeeded / total).toBeGreaterThan(0.3);
  });
});

test("a page of agents, which is SQL of its own, names its workspace: a superuser's too has no other's rows", async () => {
  const layers = { isExtensionOn: false, isRowLevelSecurityOn: false };
  const full = await makeWorld("all", layers);
  try {
    await full.reset();
    const page = (after?: { value: string; id: string }) =>
      full.db.agentPage({
        restricted: "all",
        isArchivedHidden: false,
        sort: "nameKey",
        order: "asc",
        take: 100,
        ...(after && { after }),
      });
    expect((await page()).map(({ workspaceId, name }) => [workspaceId, name])).toEqual([
      [ME, "alpha"],
      [ME, "beta"],
    ]);
    expect((await page({ value: "alpha", id: "ffffffff-0000-7000-8000-000000000000" })).map(({ name }) => name)).toEqual([
      "beta",
    ]);
  } finally {
    await full.close();
  }
});

test("control: with neither layer the same calls tell the two databases apart at once", { timeout: 120_000 }, async () => {
  const layers = { isExtensionOn: false, isRowLevelSecurityOn: false };
  const [full, alone] = await Promise.all([makeWorld("all", layers), makeWorld("mine", layers)]);
  try {
    const reads = ["findMany", "count", "aggregate", "deleteMany", "updateMany"];
    const property = fc.asyncProperty(fc.array(operation(reads), { minLength: 1, maxLength: 3 }), async (operations) => {
      expect(await difference(full, alone, operations)).toBeNull();
    });
    expect((await fc.check(property, { numRuns: 50, endOnFailure: true })).failed).toBe(true);
  } finally {
    await Promise.all([full.close(), alone.close()]);
  }
});
