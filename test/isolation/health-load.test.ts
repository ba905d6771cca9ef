import pino from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { createHealth } from "../../server/isolation/health.ts";
import type { Verdict } from "../../server/isolation/run-check.ts";
import { sharedCheck } from "../../server/isolation/shared-check.ts";
import { createMovableClock, createStillClock } from "../support/clock.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createTestDependencies } from "../support/services.ts";
import { openWireTap, type WireTap } from "../support/wire-tap.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";

const clock = createMovableClock();
const log = pino({ level: "silent" });
const GOOD: Verdict = { status: "healthy", message: "all in order", evidence: {} };
const workspaces = Array.from({ length: 100 }, (_, index) => `w${index}`);

let database: TestDatabase;
let tap: WireTap;
let dependencies: Dependencies;

beforeAll(async () => {
  database = await createTestDatabase();
  tap = await openWireTap(database.appUrl);
  dependencies = await createTestDependencies(tap.url, {}, clock);
});

afterAll(async () => {
  await dependencies?.close();
  await tap?.close();
  await database?.drop();
});

/** A check that takes a turn of the event loop, and how often and how often at a time it was made. */
function countingCheck() {
  const counts = { made: 0, open: 0, most: 0 };
  const run = async () => {
    counts.made++;
    counts.most = Math.max(counts.most, ++counts.open);
    await new Promise((resolve) => setImmediate(resolve));
    counts.open--;
    return GOOD;
  };
  return { counts, check: { name: "counting", run } };
}

test("two workspaces are looked at at a time, and each has its turn", async () => {
  const { counts, check } = countingCheck();
  const health = createHealth({ checks: [check], clock, log, waitMs: 60_000 });
  const statuses = await Promise.all(workspaces.map(async (id) => (await health(id)).status));
  expect(new Set(statuses)).toEqual(new Set(["healthy"]));
  expect(counts).toEqual({ made: 100, open: 0, most: 2 });
  // Control: without the bound they are all looked at at once.
  const unbound = countingCheck();
  const unboundHealth = createHealth({ checks: [unbound.check], clock, log, workspacesAtATime: 1_000 });
  await Promise.all(workspaces.map(unboundHealth));
  expect(unbound.counts.most).toBe(100);
});

test("one that waits too long for its turn is degraded and makes no check; the turn ends with the last statement", async () => {
  const stuck = Promise.withResolvers<Verdict>();
  const made: string[] = [];
  const check = {
    name: "stuck",
    async run(id: string) {
      made.push(id);
      return id.startsWith("slow") ? stuck.promise : GOOD;
    },
  };
  const health = createHealth({ checks: [check], clock, log, timeoutMs: 5, waitMs: 20 });
  const [first, second] = await Promise.all([health("slow1"), health("slow2")]);
  expect([first.reasons, second.reasons]).toEqual([
    ["stuck: The check did not end within 5 ms"],
    ["stuck: The check did not end within 5 ms"],
  ]);
  expect(await health("w")).toMatchObject({
    status: "degraded",
    reasons: ["stuck: The check was not begun: the server was busy with others for 20 ms"],
  });
  clock.forward(2_000);
  // A workspace shares its own turn, in which the check is not begun again.
  expect((await health("slow1")).reasons).toEqual(["stuck: The check did not end within 5 ms"]);
  expect(made).toEqual(["slow1", "slow2"]);
  stuck.resolve(GOOD);
  clock.forward(2_000);
  expect((await health("w")).status).toBe("healthy");
  expect(made).toEqual(["slow1", "slow2", "w"]);
});

test("a check of the server is made once for all workspaces within its time, and again after it", async () => {
  const { counts, check } = countingCheck();
  const still = createStillClock();
  const shared = sharedCheck(check, { clock: still });
  await Promise.all(workspaces.map((id) => shared.run(id)));
  still.forward(1_999);
  await shared.run("w");
  expect(counts.made).toBe(1);
  still.forward(1);
  await shared.run("w");
  expect(counts.made).toBe(2);
});

test("six workspaces at once cost the statements on role and policies once; those on their own rows for each", async () => {
  const made = await Promise.all(Array.from({ length: 6 }, () => makeStaffedWorkspace(database.owner)));
  const count = async (ids: string[]) => {
    clock.forward(10_000);
    tap.takeStatements();
    const answers = await Promise.all(ids.map((id) => dependencies.services.isolation.health(id)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(["healthy"]));
    const statements = tap.takeStatements();
    const of = (part: string) => statements.filter((text) => text.includes(part)).length;
    return { role: of("rolbypassrls"), policies: of("relforcerowsecurity"), canaries: of('as "isVisible"') };
  };
  const one = await count([made[0]?.id ?? ""]);
  expect(one).toEqual({ role: 1, policies: 1, canaries: 3 });
  expect(await count(made.map(({ id }) => id))).toEqual({ ...one, canaries: 18 });
  // Control: asked for one after the other, each after the time, they are made for each.
  let policies = 0;
  for (const { id } of made) policies += (await count([id])).policies;
  expect(policies).toBe(6);
});
