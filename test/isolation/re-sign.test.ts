import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { createReSignSweep } from "../../server/isolation/re-sign-sweep.ts";
import { startSweeper } from "../../server/sweeper.ts";
import { createMovableClock } from "../support/clock.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { changePastTheServer, readPastTheServer } from "../support/past-the-server.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace, type TestUser, type TestWorkspace } from "../support/workspace.ts";

const OLDER = "older root secret 0123456789 0123456789";
const NEWEST = "newest root secret 0123456789 0123456789";

const clock = createMovableClock();
let database: TestDatabase;
let older: Dependencies;
let rotated: Dependencies;
let rotatedToo: Dependencies;

beforeAll(async () => {
  database = await createTestDatabase();
  older = await createTestDependencies(database.appUrl, { ISOLATION_SECRET: OLDER });
  const secrets = { ISOLATION_SECRET: `${NEWEST},${OLDER}` };
  rotated = await createTestDependencies(database.appUrl, secrets, clock);
  rotatedToo = await createTestDependencies(database.appUrl, secrets, clock);
});

afterAll(async () => {
  for (const one of [older, rotated, rotatedToo]) await one?.close();
  await database?.drop();
});

const unaborted = new AbortController().signal;
const agentsOf = (server: Dependencies, user: TestUser) => callerWith(server, user.headers).workspaces.agents;

async function makeAgents(count: number): Promise<TestWorkspace & { ids: string[] }> {
  const workspace = await makeStaffedWorkspace(database.owner);
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    ids.push(
      (await agentsOf(older, workspace.admin).create({ workspaceId: workspace.id, name: `Agent ${n} of ${workspace.id}` })).id,
    );
  }
  return { ...workspace, ids };
}

interface Row {
  id: string;
  boundary: string;
  boundary_key_version: number;
  [column: string]: unknown;
}
const rowsOf = (workspaceId: string) =>
  readPastTheServer<Row>(database.owner, workspaceId, "select * from parlant.parlant_agent order by id");

/** A sweep of a server of its own, which remembers nothing of others'. */
function sweepOf({ services, database: { openWorkspace, sim } }: Dependencies, secrets = [NEWEST, OLDER], batchSize = 3) {
  const { violations, log } = services;
  return createReSignSweep({ rootSecrets: secrets, openWorkspace, sim, violations, clock, log, batchSize });
}

test("rows of the older secret are signed under the newest, deleted ones too, and nothing else of them changes", async () => {
  const one = await makeAgents(7);
  const two = await makeAgents(1);
  await agentsOf(older, one.admin).delete({ workspaceId: one.id, agentId: one.ids[0] ?? "" });
  const before = [await rowsOf(one.id), await rowsOf(two.id)];
  const { reader } = one;
  expect((await agentsOf(rotated, reader).list({ workspaceId: one.id })).data).toHaveLength(6);

  expect(await sweepOf(rotated)(unaborted)).toBe(8);
  const after = [await rowsOf(one.id), await rowsOf(two.id)];
  const withoutSignature = (rows: Row[][]) => rows.flat().map(({ boundary: _, boundary_key_version: __, ...rest }) => rest);
  expect(withoutSignature(after)).toEqual(withoutSignature(before));
  after.flat().forEach((row, index) => {
    expect(row.boundary).not.toBe(before.flat()[index]?.boundary);
  });
  // The older secret can go.
  const newestAlone = await createTestDependencies(database.appUrl, { ISOLATION_SECRET: NEWEST });
  expect((await agentsOf(newestAlone, reader).list({ workspaceId: one.id })).data).toHaveLength(6);
  expect(newestAlone.services.violations.total()).toBe(0);
  await newestAlone.close();
  // Once more changes nothing.
  expect(await sweepOf(rotated)(unaborted)).toBe(0);
  expect([await rowsOf(one.id), await rowsOf(two.id)]).toEqual(after);
});

test("health tells how far it is, and that all of it is done", async () => {
  const { id: workspaceId, admin } = await makeAgents(2);
  const reSigning = async () => {
    clock.forward(10_000);
    const { status, checks } = await callerWith(rotated, admin.headers).workspaces.isolation.health({ workspaceId });
    return { status, ...checks.find(({ name }) => name === "re-signing")?.evidence };
  };
  expect(await reSigning()).toMatchObject({ status: "healthy", isComplete: false, pending: 2, signedUnderNewest: 0 });
  await sweepOf(rotated)(unaborted);
  expect(await reSigning()).toMatchObject({ status: "healthy", isComplete: true, pending: 0, signedUnderNewest: 2 });
});

test("a row that does not verify is never signed, and is reported; those beside it are signed", async () => {
  const from = await makeAgents(1);
  const to = await makeAgents(4);
  await changePastTheServer(database.owner, "update parlant.parlant_agent set workspace_id = $2 where id = $1", [
    from.ids[0],
    to.id,
  ]);
  const moved = (await rowsOf(to.id)).find(({ id }) => id === from.ids[0]);
  const before = rotated.services.violations.total();
  expect(await sweepOf(rotated)(unaborted)).toBe(4);
  expect((await rowsOf(to.id)).find(({ id }) => id === from.ids[0])).toEqual(moved);
  expect(rotated.services.violations.total() - before).toBe(1);
  await rotated.services.violations.settled();
  expect(
    await readPastTheServer(
      database.owner,
      to.id,
      "select actor_kind, target_id from parlant.parlant_audit_event where action = 'isolation.boundary_mismatch'",
    ),
  ).toEqual([{ actor_kind: "system", target_id: from.ids[0] }]);
});

test("several servers at once sign each row once, beside changes that callers make", async () => {
  const { id: workspaceId, admin, ids } = await makeAgents(12);
  const changes = ids.map((agentId) =>
    agentsOf(rotated, admin).update({ workspaceId, agentId, description: "changed", version: 1 }),
  );
  const sweeps = [sweepOf(rotated), sweepOf(rotatedToo), sweepOf(rotated, undefined, 5)].map((sweep) => sweep(unaborted));
  const [signed, updated] = await Promise.all([Promise.all(sweeps), Promise.all(changes)]);
  expect(signed.reduce((total, count) => total + count, 0)).toBe(12);
  expect(updated.every(({ version }) => version === 2)).toBe(true);
  const { data } = await agentsOf(rotated, admin).list({ workspaceId });
  expect(data.map(({ version, description }) => [version, description])).toEqual(Array(12).fill([2, "changed"]));
});

test("a workspace that was found done is looked at again after an hour, for rows of a server that still signs with the older secret", async () => {
  const { id: workspaceId, admin } = await makeAgents(1);
  const sweep = sweepOf(rotated);
  expect(await sweep(unaborted)).toBe(1);
  await agentsOf(older, admin).create({ workspaceId, name: "Late" });
  expect(await sweep(unaborted)).toBe(0);
  clock.forward(3_600_001);
  expect(await sweep(unaborted)).toBe(1);
});

test("control: with the newest secret alone nothing can be verified, so nothing is signed", async () => {
  const { id: workspaceId } = await makeAgents(2);
  const before = await rowsOf(workspaceId);
  expect(await sweepOf(rotated, [NEWEST])(unaborted)).toBe(0);
  expect(await rowsOf(workspaceId)).toEqual(before);
});

test("a sweep that is told to stop ends behind the batch that it is at", async () => {
  const { id: workspaceId } = await makeAgents(4);
  const controller = new AbortController();
  const { services, database: opened } = rotated;
  const sweep = createReSignSweep({
    rootSecrets: [NEWEST, OLDER],
    openWorkspace(binding) {
      if (binding.workspaceId === workspaceId) controller.abort();
      return opened.openWorkspace(binding);
    },
    sim: opened.sim,
    violations: services.violations,
    clock,
    log: services.log,
    batchSize: 1,
  });
  const before = await rowsOf(workspaceId);
  await sweep(controller.signal);
  const after = await rowsOf(workspaceId);
  expect(after.map((row, index) => row.boundary !== before[index]?.boundary)).toEqual([true, false, false, false]);
});

test("a sweeper that is stopped tells its run, and waits for its end", async () => {
  const seen: string[] = [];
  const begun = Promise.withResolvers<AbortSignal>();
  const end = Promise.withResolvers<void>();
  const work = async (signal: AbortSignal) => {
    begun.resolve(signal);
    await end.promise;
    seen.push("ended");
  };
  const sweeper = startSweeper("test", work, { intervalMs: 1, log: rotated.services.log });
  const signal = await begun.promise;
  const stopped = sweeper.stop().then(() => seen.push("stopped"));
  expect(signal.aborted).toBe(true);
  end.resolve();
  await stopped;
  expect(seen).toEqual(["ended", "stopped"]);
});

test("a sweep that fails is made again", async () => {
  let runs = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const sweeper = startSweeper(
    "test",
    async () => {
      runs++;
      if (runs === 3) resolve();
      throw new Error("the database is away");
    },
    { intervalMs: 1, log: rotated.services.log },
  );
  await promise;
  await sweeper.stop();
  const ended = runs;
  await new Promise((done) => setTimeout(done, 5));
  expect(runs).toBe(ended);
});
