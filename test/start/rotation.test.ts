import { createHmac } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { verifySimSignature } from "../../server/sim-integration/signature.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { callerWith, createTestDependencies, testEnv } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

const OLD = "old root secret 0123456789 0123456789";
const NEW = "new root secret 0123456789 0123456789";
const unaborted = new AbortController().signal;

let database: TestDatabase;
const open: Dependencies[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  for (const one of open) await one.close();
  await database?.drop();
});

async function startWith(ISOLATION_SECRET: string): Promise<Dependencies> {
  const instance = await createTestDependencies(database.appUrl, { ISOLATION_SECRET });
  open.push(instance);
  return instance;
}

const as = (instance: Dependencies, workspace: TestWorkspace) => callerWith(instance, workspace.admin.headers).workspaces;
const namesSeen = async (instance: Dependencies, workspace: TestWorkspace) =>
  (await as(instance, workspace).agents.list({ workspaceId: workspace.id, sortBy: "name", sortOrder: "asc" })).data.map(
    ({ name }) => name,
  );
const make = (instance: Dependencies, workspace: TestWorkspace, name: string) =>
  as(instance, workspace).agents.create({ workspaceId: workspace.id, name });

test("ISOLATION_SECRET is rotated as the runbook has it: at each step old and new instances see every row, and nothing is lost", async () => {
  const workspace = await makeStaffedWorkspace(database.owner);
  const before = await startWith(OLD);
  await make(before, workspace, "a");
  // The new one last, rolled out everywhere: either signs with the old one, and the rest of the roll-out reads it.
  const appended = await startWith(`${OLD},${NEW}`);
  await make(appended, workspace, "b");
  for (const instance of [before, appended]) expect(await namesSeen(instance, workspace)).toEqual(["a", "b"]);
  // The new one first: what it signs is read by those that still have it last.
  const rotated = await startWith(`${NEW},${OLD}`);
  await make(rotated, workspace, "c");
  for (const instance of [appended, rotated]) expect(await namesSeen(instance, workspace)).toEqual(["a", "b", "c"]);
  await rotated.reSignSweep(unaborted);
  const { checks } = await as(rotated, workspace).isolation.health({ workspaceId: workspace.id });
  expect(checks.find(({ name }) => name === "re-signing")).toMatchObject({ status: "healthy", evidence: { pending: 0 } });
  // Nothing needs the old one.
  expect(await namesSeen(await startWith(NEW), workspace)).toEqual(["a", "b", "c"]);
});

test("control: where the new one is rolled out first at once, those that lack it do not see its rows; put back, the old one's return", async () => {
  const workspace = await makeStaffedWorkspace(database.owner);
  const before = await startWith(OLD);
  await make(before, workspace, "a");
  const hasty = await startWith(`${NEW},${OLD}`);
  await make(hasty, workspace, "b");
  expect(await namesSeen(before, workspace)).toEqual(["a"]);
  const dropped = await startWith(NEW);
  expect(await namesSeen(dropped, workspace)).toEqual(["b"]);
  expect((await as(dropped, workspace).isolation.health({ workspaceId: workspace.id })).status).toBe("unhealthy");
  expect(await namesSeen(await startWith(`${NEW},${OLD}`), workspace)).toEqual(["a", "b"]);
});

const OLD_HOOK = "old webhook secret of the tests 01234";
const NEW_HOOK = "new webhook secret of the tests 01234";

/** Whether a server with this SIM_WEBHOOK_SECRET takes what Sim signs with the secret. */
async function isTaken(configured: string, signedWith: string): Promise<boolean> {
  const secrets = testEnv(database.appUrl, { SIM_WEBHOOK_SECRET: configured }).SIM_WEBHOOK_SECRET ?? [];
  const nowMs = Date.now();
  const time = Math.floor(nowMs / 1_000);
  const body = '{"event_type":"workspace_updated"}';
  const headers = {
    "x-sim-signature": `t=${time},v1=${createHmac("sha256", signedWith).update(`${time}.${body}`).digest("hex")}`,
  };
  return verifySimSignature(Buffer.from(body), headers, { secrets, allowLegacy: false, nowMs }).then(
    () => true,
    () => false,
  );
}

test("SIM_WEBHOOK_SECRET is rotated as the runbook has it: no webhook is refused at any step", async () => {
  const steps: [configured: string, ...signedWith: string[]][] = [
    [OLD_HOOK, OLD_HOOK],
    [`${NEW_HOOK},${OLD_HOOK}`, OLD_HOOK, NEW_HOOK],
    [NEW_HOOK, NEW_HOOK],
  ];
  for (const [configured, ...signedWith] of steps)
    for (const secret of signedWith)
      expect([configured, secret, await isTaken(configured, secret)]).toEqual([configured, secret, true]);
  // Control: Sim first, or the old one dropped while it still signs with it.
  expect([await isTaken(OLD_HOOK, NEW_HOOK), await isTaken(NEW_HOOK, OLD_HOOK)]).toEqual([false, false]);
});
