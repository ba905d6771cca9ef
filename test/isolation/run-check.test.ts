import pino from "pino";
import { expect, test } from "vitest";
import { contextsCheck } from "../../server/isolation/checks/contexts.ts";
import { createHealth } from "../../server/isolation/health.ts";
import type { Check, Verdict } from "../../server/isolation/run-check.ts";
import { createViolations, REPORTED_AGAIN_MS, type Violation } from "../../server/isolation/violations.ts";
import { createStillClock } from "../support/clock.ts";

const log = pino({ level: "silent" });
const GOOD: Verdict = { status: "healthy", message: "all in order", evidence: {} };

function countingCheck(name: string, run: () => Promise<Verdict>): Check & { runs(): number } {
  let runs = 0;
  return {
    name,
    run() {
      runs++;
      return run();
    },
    runs: () => runs,
  };
}

test("a check that does not end is degraded within its time, holds up no other, and is not begun again meanwhile", async () => {
  const clock = createStillClock();
  const stuck = Promise.withResolvers<Verdict>();
  const hanging = countingCheck("hanging", () => stuck.promise);
  const good = countingCheck("good", async () => GOOD);
  const health = createHealth({ checks: [hanging, good], clock, log, timeoutMs: 20 });
  for (let round = 0; round < 3; round++) {
    const { status, checks, reasons } = await health("w");
    expect(status).toBe("degraded");
    expect(checks.map((check) => [check.name, check.status])).toEqual([
      ["hanging", "degraded"],
      ["good", "healthy"],
    ]);
    expect(reasons).toEqual(["hanging: The check did not end within 20 ms"]);
    clock.forward(10_000);
  }
  expect([hanging.runs(), good.runs()]).toEqual([1, 3]);
  stuck.resolve(GOOD);
  expect((await health("w")).status).toBe("healthy");
});

test("a check that fails says nothing of what it looks at, and its error stays in the log", async () => {
  const failing = countingCheck("failing", () => Promise.reject(new Error("connect ECONNREFUSED 10.1.2.3:5432")));
  const health = await createHealth({ checks: [failing], clock: createStillClock(), log })("w");
  expect(health.status).toBe("degraded");
  expect(JSON.stringify(health)).not.toMatch(/10\.1\.2\.3/);
});

test("however many ask at once or within the time an answer stands, each check is made once per workspace", async () => {
  const clock = createStillClock();
  const check = countingCheck("good", async () => GOOD);
  const health = createHealth({ checks: [check], clock, log, ttlMs: 2_000 });
  await Promise.all(Array.from({ length: 50 }, () => health("w")));
  clock.forward(1_999);
  await health("w");
  expect(check.runs()).toBe(1);
  await health("another");
  expect(check.runs()).toBe(2);
  clock.forward(1);
  await health("w");
  expect(check.runs()).toBe(3);
});

test("the worst decides, and the reasons come worst first", async () => {
  const of = (name: string, status: Verdict["status"]): Check => ({
    name,
    run: async () => ({ ...GOOD, status, message: `is ${status}` }),
  });
  const judge = async (...checks: Check[]) => {
    const { status, reasons } = await createHealth({ checks, clock: createStillClock(), log })("w");
    return [status, reasons];
  };
  expect(await judge(of("a", "healthy"))).toEqual(["healthy", []]);
  expect(await judge(of("a", "degraded"), of("b", "healthy"))).toEqual(["degraded", ["a: is degraded"]]);
  expect(await judge(of("a", "degraded"), of("b", "unhealthy"))).toEqual(["unhealthy", ["b: is unhealthy", "a: is degraded"]]);
});

test("remembered permissions that the guard should have refused are unhealthy, in their own workspace alone", async () => {
  const samples = { a: { checked: 10, mismatches: 0 }, b: { checked: 0, mismatches: 0 } };
  const check = contextsCheck((workspaceId) => samples[workspaceId as "a" | "b"]);
  const before = await check.run("a");
  expect(before).toMatchObject({ status: "healthy", evidence: { mismatches: 0 } });
  samples.b = { checked: 1_000, mismatches: 1 };
  expect(await check.run("a")).toEqual(before);
  expect(await check.run("b")).toMatchObject({ status: "unhealthy", evidence: { mismatches: 1 }, remedy: expect.any(String) });
  // How many of its own are tried depends on how many the others have.
  samples.a = { checked: 2, mismatches: 0 };
  expect(await check.run("a")).toEqual(before);
  samples.b = { checked: 0, mismatches: 0 };
  expect(await check.run("b")).toMatchObject({ status: "healthy" });
});

test("a server that is being stopped waits for the record under way, and begins no other", async () => {
  const recorded: string[] = [];
  const under = Promise.withResolvers<void>();
  const violations = createViolations({
    clock: createStillClock(),
    log,
    async record({ target }) {
      await under.promise;
      recorded.push(target.id);
    },
  });
  const report = (id: string) =>
    violations.report({ workspaceId: "w", target: { kind: "agent", id }, reasonCode: "BOUNDARY_MISMATCH", reader: null });
  report("1");
  const closed = violations.close();
  under.resolve();
  await closed;
  report("2");
  await violations.settled();
  expect(recorded).toEqual(["1"]);
});

test("a violation is reported again an hour after it was recorded, however long that took: before, its record would be found", async () => {
  const clock = createStillClock();
  const recordedAt: number[] = [];
  const violations = createViolations({
    clock,
    log,
    async record() {
      clock.forward(60_000);
      recordedAt.push(clock.now());
    },
  });
  const report = async () => {
    violations.report({ workspaceId: "w", target: { kind: "agent", id: "1" }, reasonCode: "BOUNDARY_MISMATCH", reader: null });
    await violations.settled();
  };
  await report();
  clock.forward(REPORTED_AGAIN_MS - 1);
  await report();
  expect(recordedAt).toHaveLength(1);
  clock.forward(1);
  await report();
  expect(recordedAt).toHaveLength(2);
});

test("a mass of violations is counted whole and recorded in part, one record at a time", async () => {
  const recorded: Violation[] = [];
  let open = 0;
  let most = 0;
  const violations = createViolations({
    clock: createStillClock(),
    log,
    async record(violation) {
      most = Math.max(most, ++open);
      await Promise.resolve();
      recorded.push(violation);
      open--;
    },
  });
  for (let round = 0; round < 2; round++) {
    for (const workspaceId of ["a", "b"]) {
      for (let n = 0; n < 100; n++) {
        violations.report({
          workspaceId,
          target: { kind: "agent", id: String(n) },
          reasonCode: "BOUNDARY_MISMATCH",
          reader: null,
        });
      }
    }
    for (let n = 100; n < 1_000; n++) {
      violations.report({
        workspaceId: "a",
        target: { kind: "agent", id: String(n) },
        reasonCode: "BOUNDARY_MISMATCH",
        reader: null,
      });
    }
    await violations.settled();
  }
  expect(violations.total()).toBe(200 + 2 * 900);
  expect(recorded).toHaveLength(200);
  expect(most).toBe(1);
  expect(violations.suspects("b")).toHaveLength(100);
});
