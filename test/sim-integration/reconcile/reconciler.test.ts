import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CURRENT_SIM } from "../../../server/db/sim-features.ts";
import type { Dependencies } from "../../../server/dependencies.ts";
import type { LifecycleContext } from "../../../server/sim-integration/lifecycle/lifecycle-context.ts";
import { createReconciler, type Purge, type Sweep } from "../../../server/sim-integration/reconcile/reconciler.ts";
import { createMovableClock, type MovableClock } from "../../support/clock.ts";
import {
  asOlderSim,
  createTestDatabase,
  makeMember,
  makeOrganization,
  makeUser,
  makeWorkspace,
  type TestDatabase,
} from "../../support/database.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../../support/workspace.ts";
import { applierOf, everythingOf, keptAgents, keptState, simOn } from "../lifecycle/sim-changes.ts";

let database: TestDatabase;
let dependencies: Dependencies;
let clock: MovableClock;
let lifecycle: LifecycleContext;
let apply: ReturnType<typeof applierOf>;
let sim: ReturnType<typeof simOn>;
const purged: Parameters<Purge>[0][] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  clock = createMovableClock();
  dependencies = await createTestDependencies(database.appUrl);
  lifecycle = { ...dependencies.services.lifecycle, clock };
  apply = applierOf(lifecycle);
  sim = simOn(database.owner);
});

afterAll(async () => {
  await dependencies?.close();
  await database?.drop();
});

beforeEach(() => {
  purged.length = 0;
});

const DAY_MS = 86_400_000;
const NEVER = new AbortController().signal;

/** One sweep, in small batches. */
function sweep(purge: Purge = async (request) => purged.push(request)): Promise<Sweep> {
  const { sim: reader } = dependencies.services;
  return createReconciler({
    ...{ lifecycle, sim: reader, features: CURRENT_SIM, purge, purgeAfterMs: 30 * DAY_MS, batchSize: 3 },
  }).sweep(NEVER);
}

async function makeUsed(): Promise<TestWorkspace & { agentId: string }> {
  const workspace = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, workspace.admin.headers).workspaces;
  const { id: agentId } = await agents.create({ workspaceId: workspace.id, name: "Scout" });
  await agents.grants.set({ workspaceId: workspace.id, agentId, userId: workspace.reader.id, level: "manage" });
  await apply("workspace_created", workspace.id);
  return { ...workspace, agentId };
}

const grantsOf = async ({ id: workspaceId, agentId, admin }: TestWorkspace & { agentId: string }) =>
  (await callerWith(dependencies, admin.headers).workspaces.agents.grants.list({ workspaceId, agentId })).data.map(
    ({ userId }) => userId,
  );
const statusOf = async (id: string) => (await keptAgents(database, id))[0]?.status;

describe("a change that no event told of is found by one sweep", () => {
  test("a workspace that is new", async () => {
    const { id } = await makeStaffedWorkspace(database.owner);
    await sweep();
    expect(await keptState(database, id)).toMatchObject({ settings: { name: "Test Workspace" } });
  });

  test("a workspace that was used before any event came", async () => {
    const { id, writer } = await makeStaffedWorkspace(database.owner);
    await callerWith(dependencies, writer.headers).workspaces.agents.create({ workspaceId: id, name: "Scout" });
    expect((await keptState(database, id))?.["synced_at"]).toBeNull();
    await sweep();
    expect((await keptState(database, id))?.["synced_at"]).not.toBeNull();
  });

  test("another name, another owner, another organization", async () => {
    const { id, writer } = await makeUsed();
    const organization = await makeOrganization(database.owner);
    await sim.rename(id, "Another name");
    await sim.transfer(id, writer.id);
    await database.owner.query("update workspace set organization_id = $2 where id = $1", [id, organization.id]);
    await sweep();
    expect((await keptState(database, id))?.["settings"]).toMatchObject({
      ...{ name: "Another name", ownerId: writer.id, organizationId: organization.id },
    });
  });

  test("an archive, and a restore", async () => {
    const { id } = await makeUsed();
    await sim.archive(id);
    await sweep();
    expect(await statusOf(id)).toBe("archived");
    await sim.restore(id);
    await sweep();
    expect(await statusOf(id)).toBe("active");
  });

  test("a member who is gone, and one who still inherits admin", async () => {
    const workspace = await makeUsed();
    const { id, reader } = workspace;
    const organization = await makeOrganization(database.owner);
    await database.owner.query("update workspace set organization_id = $2 where id = $1", [id, organization.id]);
    await makeMember(database.owner, { organizationId: organization.id, userId: reader.id, role: "owner" });
    await sim.removeMember(id, reader.id);
    await sweep();
    expect(await grantsOf(workspace)).toEqual([reader.id]);
    await database.owner.query("delete from member where user_id = $1", [reader.id]);
    await sweep();
    expect(await grantsOf(workspace)).toEqual([]);
  });

  test("what was committed behind the archive's back", async () => {
    const { id, agentId } = await makeUsed();
    await sim.archive(id);
    await sweep();
    await database.owner.query("begin");
    await database.owner.query("select parlant.parlant_enter_system($1, 'test')", [id]);
    await database.owner.query(
      `update parlant.parlant_agent set status = 'active', archived_at = null, archive_reason = null, status_before_archive = null
       where id = $1`,
      [agentId],
    );
    await database.owner.query("commit");
    await sweep();
    expect(await statusOf(id)).toBe("archived");
  });

  test("control: a sweep that sees Sim as it was before changes nothing", async () => {
    const { id } = await makeUsed();
    await sweep();
    const before = await everythingOf(database, id);
    await database.owner.query("begin");
    await sim.archive(id); // not committed
    await sweep();
    await database.owner.query("rollback");
    expect(await everythingOf(database, id)).toEqual(before);
  });
});

test("a sweep that finds nothing writes nothing", async () => {
  const ids = [(await makeUsed()).id, (await makeUsed()).id];
  await sweep();
  const before = await Promise.all(ids.map((id) => everythingOf(database, id)));
  clock.forward(11 * 60_000);
  const { workspaces, differing, failed } = await sweep();
  expect({ differing, failed }).toEqual({ differing: 0, failed: 0 });
  expect(workspaces).toBeGreaterThan(4);
  expect(await Promise.all(ids.map((id) => everythingOf(database, id)))).toEqual(before);
});

test("a workspace that fails is counted and holds up no other", async () => {
  const all = [await makeUsed(), await makeUsed(), await makeUsed()];
  await sweep();
  const [broken, ...others] = all.map(({ id }) => id).sort();
  const { sim: reader } = dependencies.services;
  for (const id of [broken, ...others]) await sim.archive(id ?? "");
  const result = await createReconciler({
    ...{ sim: reader, features: CURRENT_SIM, purgeAfterMs: DAY_MS, batchSize: 3 },
    lifecycle: {
      ...lifecycle,
      openWorkspace(binding) {
        if (binding.workspaceId === broken) throw new Error("cannot be reached");
        return lifecycle.openWorkspace(binding);
      },
    },
  }).sweep(NEVER);
  expect(result.failed).toBe(1);
  expect(await statusOf(broken ?? "")).toBe("active");
  for (const id of others) expect(await statusOf(id)).toBe("archived");
  expect((await sweep()).failed).toBe(0);
  expect(await statusOf(broken ?? "")).toBe("archived");
});

describe("a purge", () => {
  const deletion = { mode: "archive", isExportAsked: true } as const;

  test("is carried out when its time has come, and not before", async () => {
    const { id } = await makeUsed();
    await sim.archive(id, new Date(clock.now()));
    await apply("workspace_deleted", id, { deletion, occurredAt: new Date(clock.now()) });
    await sweep();
    expect(purged).toEqual([]);
    clock.forward(31 * DAY_MS);
    await sweep();
    expect(purged).toEqual([{ workspaceId: id, isExportAsked: true }]);
    await sim.restore(id);
    await sweep();
  });

  test("is carried out by the next sweep where no time was left", async () => {
    const { id } = await makeUsed();
    await sim.archive(id, new Date(clock.now()));
    await apply("workspace_deleted", id, { deletion: { ...deletion, mode: "delete" }, occurredAt: new Date(clock.now()) });
    await sweep();
    expect(purged).toEqual([{ workspaceId: id, isExportAsked: true }]);
    await sim.restore(id);
    await sweep();
  });

  test.each(["told", "not told"])("is no more where the workspace was restored, %s", async (how) => {
    const { id } = await makeUsed();
    await sim.archive(id, new Date(clock.now()));
    await apply("workspace_deleted", id, { deletion, occurredAt: new Date(clock.now()) });
    clock.forward(31 * DAY_MS);
    await sim.restore(id);
    if (how === "told") await apply("workspace_restored", id);
    await sweep();
    expect(purged).toEqual([]);
    await sim.archive(id, new Date(clock.now()));
    await sweep();
    clock.forward(31 * DAY_MS);
    await sweep();
    expect(purged).toEqual([]);
  });

  test("is no more where Sim restored the workspace and archived it anew while others of the batch were purged", async () => {
    const due: string[] = [];
    for (let count = 0; count < 6; count++) {
      const { id } = await makeUsed();
      await sim.archive(id, new Date(clock.now()));
      await apply("workspace_deleted", id, { deletion: { ...deletion, mode: "delete" }, occurredAt: new Date(clock.now()) });
      due.push(id);
    }
    const last = due.toSorted().at(-1) ?? "";
    let rearchived: Promise<unknown> | undefined;
    const purge: Purge = async (request) => {
      rearchived ??= sim.restore(last).then(() => sim.archive(last, new Date(clock.now() + 1_000)));
      await rearchived;
      purged.push(request);
    };
    const { sim: reader } = dependencies.services;
    const options = { lifecycle, sim: reader, features: CURRENT_SIM, purge, purgeAfterMs: 30 * DAY_MS, batchSize: 1_000 };
    await createReconciler(options).sweep(NEVER);
    expect(purged.map(({ workspaceId }) => workspaceId).toSorted()).toEqual(due.toSorted().slice(0, -1));
    // What is archived anew is not deleted.
    await sweep();
    expect(purged.filter(({ workspaceId }) => workspaceId === last)).toEqual([]);
    for (const id of due) await sim.restore(id);
    await sweep();
  });

  test("is not asked for by an archive alone, however old", async () => {
    const { id } = await makeUsed();
    await sim.archive(id, new Date(0));
    await sweep();
    clock.forward(400 * DAY_MS);
    await sweep();
    expect(purged).toEqual([]);
  });

  test("that fails is tried again by the next sweep", async () => {
    const { id } = await makeUsed();
    await sim.archive(id, new Date(clock.now()));
    await apply("workspace_deleted", id, { deletion: { ...deletion, mode: "delete" }, occurredAt: new Date(clock.now()) });
    const { failed } = await sweep(() => Promise.reject(new Error("the export failed")));
    expect(failed).toBe(1);
    await sweep();
    expect(purged).toHaveLength(1);
  });
});

test("beside a Sim of 2025, which archives nothing and has no organization of a workspace", async () => {
  const older = await createTestDatabase();
  await asOlderSim(older.owner);
  const server = await createTestDependencies(older.appUrl);
  try {
    const { id: ownerId } = await makeUser(older.owner);
    const { id } = await makeWorkspace(older.owner, { ownerId });
    const swept = () => server.reconciler.sweep(NEVER);
    expect(await swept()).toMatchObject({ workspaces: 1, differing: 1, failed: 0 });
    expect((await keptState(older, id))?.["settings"]).toEqual({
      ...{ name: "Test Workspace", ownerId, organizationId: null, allowPersonalApiKeys: true },
    });
    expect(await swept()).toMatchObject({ workspaces: 1, differing: 0, failed: 0 });
  } finally {
    await server.close();
    await older.drop();
  }
});

test("a sweep ends at its next workspace when it is told to", async () => {
  await makeStaffedWorkspace(database.owner);
  const { sim: reader } = dependencies.services;
  const controller = new AbortController();
  controller.abort();
  const reconciler = createReconciler({ lifecycle, sim: reader, features: CURRENT_SIM, purgeAfterMs: DAY_MS });
  expect(await reconciler.sweep(controller.signal)).toMatchObject({ workspaces: 0, finishedAt: null });
});
