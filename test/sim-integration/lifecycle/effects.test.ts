import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dependencies } from "../../../server/dependencies.ts";
import { SIM_EVENT_TYPES } from "../../../server/sim-integration/sim-event.ts";
import { readTrail } from "../../support/audit-trail.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { changePastTheServer, readPastTheServer } from "../../support/past-the-server.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestUser, type TestWorkspace } from "../../support/workspace.ts";
import { applierOf, everythingOf, keptAgents, keptState, simOn } from "./sim-changes.ts";

let database: TestDatabase;
let dependencies: Dependencies;
let apply: ReturnType<typeof applierOf>;
let sim: ReturnType<typeof simOn>;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl, { PERMISSION_CACHE_TTL: "3600" });
  apply = applierOf(dependencies.services.lifecycle);
  sim = simOn(database.owner);
});

afterAll(async () => {
  await dependencies?.close();
  await database?.drop();
});

const callsOf = (user: TestUser) => callerWith(dependencies, user.headers).workspaces;

/** A workspace whose state is in step, with an active, an inactive and a hand-archived agent, and a deleted one. */
async function makeFurnished(): Promise<TestWorkspace & { ids: Record<string, string> }> {
  const workspace = await makeStaffedWorkspace(database.owner);
  const { agents } = callsOf(workspace.admin);
  const ids: Record<string, string> = {};
  for (const name of ["active", "by hand", "deleted", "inactive"])
    ids[name] = (await agents.create({ workspaceId: workspace.id, name })).id;
  const change = (name: string, status: "inactive" | "archived") =>
    agents.update({ workspaceId: workspace.id, agentId: ids[name] ?? "", status });
  await change("inactive", "inactive");
  await change("by hand", "archived");
  await agents.delete({ workspaceId: workspace.id, agentId: ids["deleted"] ?? "" });
  await apply("workspace_created", workspace.id);
  return { ...workspace, ids };
}

const BEFORE = [
  { name: "active", status: "active", reason: null, before: null },
  { name: "by hand", status: "archived", reason: "manual", before: null },
  { name: "deleted", status: "active", reason: null, before: null },
  { name: "inactive", status: "inactive", reason: null, before: null },
];
const ARCHIVED = [
  { name: "active", status: "archived", reason: "workspace", before: "active" },
  { name: "by hand", status: "archived", reason: "manual", before: null },
  { name: "deleted", status: "active", reason: null, before: null },
  { name: "inactive", status: "archived", reason: "workspace", before: "inactive" },
];

describe("created and updated", () => {
  test("a workspace's state has its key, its settings and the time of it, and the trail says so", async () => {
    const { id, admin } = await makeStaffedWorkspace(database.owner);
    expect(await keptState(database, id)).toBeUndefined();
    await apply("workspace_created", id);
    const state = await keptState(database, id);
    expect(state).toMatchObject({
      settings: { name: "Test Workspace", ownerId: admin.id, organizationId: null, allowPersonalApiKeys: true },
      archived_at: null,
    });
    expect(state?.["synced_at"]).toBeInstanceOf(Date);
    expect(state?.["key_salt"]).toHaveLength(32);
    expect(await readTrail(database, id)).toMatchObject([
      { action: "workspace.create", actor_kind: "internal", actor_id: "sim", on_behalf_of: "someone", outcome: "success" },
    ]);
  });

  test("what changed in Sim is kept, with what it was", async () => {
    const { id, writer } = await makeStaffedWorkspace(database.owner);
    await apply("workspace_created", id);
    await sim.rename(id, "Another name");
    await sim.transfer(id, writer.id);
    const { actions } = await apply("workspace_updated", id);
    expect(actions).toEqual(["workspace.ownership_transfer", "workspace.update"]);
    expect((await keptState(database, id))?.["settings"]).toMatchObject({ name: "Another name", ownerId: writer.id });
    expect((await readTrail(database, id)).at(-1)).toMatchObject({
      before: { name: "Test Workspace" },
      after: { name: "Another name" },
    });
  });

  test("a workspace that Sim does not have is accepted and leaves nothing", async () => {
    for (const type of SIM_EVENT_TYPES) expect(await apply(type, "no-such-workspace")).toEqual({ actions: [] });
    expect(await everythingOf(database, "no-such-workspace")).toEqual([[], [], [], [], []]);
  });
});

describe("archived and restored", () => {
  test("each agent is archived, and comes back as exactly what it was", async () => {
    const { id } = await makeFurnished();
    expect(await keptAgents(database, id)).toEqual(BEFORE);
    await sim.archive(id);
    await apply("workspace_archived", id);
    expect(await keptAgents(database, id)).toEqual(ARCHIVED);
    await sim.restore(id);
    await apply("workspace_restored", id);
    expect(await keptAgents(database, id)).toEqual(BEFORE);
    const trail = await readTrail(database, id);
    expect(trail.slice(-2)).toMatchObject([
      { action: "workspace.archive", after: { agents: 2, sessions: 0 } },
      { action: "workspace.restore", after: { agents: 2, isDeletionCancelled: false } },
    ]);
  });

  test("control: a restore of whatever is archived is seen", async () => {
    const { id } = await makeFurnished();
    await sim.archive(id);
    await apply("workspace_archived", id);
    const everyone =
      "update parlant.parlant_agent set status = 'active', archived_at = null, archive_reason = null, status_before_archive = null";
    await changePastTheServer(database.owner, `${everyone} where workspace_id = $1`, [id]);
    expect(await keptAgents(database, id)).not.toEqual(BEFORE);
  });

  test("nothing is readable meanwhile, and all of it again afterwards", async () => {
    const { id: workspaceId, reader, ids } = await makeFurnished();
    const { agents } = callsOf(reader);
    const agentId = ids["active"] ?? "";
    expect((await agents.list({ workspaceId, includeArchived: true })).data).toHaveLength(3);
    await sim.archive(workspaceId);
    for (const isApplied of [false, true]) {
      if (isApplied) await apply("workspace_archived", workspaceId);
      await expect(agents.list({ workspaceId })).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(agents.get({ workspaceId, agentId })).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    await sim.restore(workspaceId);
    await apply("workspace_restored", workspaceId);
    expect((await agents.get({ workspaceId, agentId })).status).toBe("active");
  });

  test("the events alone do nothing: what Sim's row says is what counts", async () => {
    const { id } = await makeFurnished();
    const before = await everythingOf(database, id);
    for (const type of SIM_EVENT_TYPES) expect(await apply(type, id)).toEqual({ actions: [] });
    expect(await everythingOf(database, id)).toEqual(before);
  });

  test("an event of any kind brings the archive in step, so that their order does not matter", async () => {
    for (const type of SIM_EVENT_TYPES) {
      const { id } = await makeFurnished();
      await sim.archive(id);
      await apply(type, id);
      expect(await keptAgents(database, id)).toEqual(ARCHIVED);
      await sim.restore(id);
      await apply(type, id);
      expect(await keptAgents(database, id)).toEqual(BEFORE);
    }
  });

  test("an agent that is archived by hand before the restore has arrived stays archived", async () => {
    const { id: workspaceId, admin, ids } = await makeFurnished();
    await sim.archive(workspaceId);
    await apply("workspace_archived", workspaceId);
    await sim.restore(workspaceId);
    await callsOf(admin).agents.update({ workspaceId, agentId: ids["active"] ?? "", status: "archived" });
    await callsOf(admin).agents.delete({ workspaceId, agentId: ids["inactive"] ?? "" });
    await apply("workspace_restored", workspaceId);
    expect(await keptAgents(database, workspaceId)).toEqual([
      { name: "active", status: "archived", reason: "manual", before: null },
      ...BEFORE.slice(1),
    ]);
  });

  test("running sessions are completed, and those that had ended stay as they were", async () => {
    const { id, ids } = await makeFurnished();
    const session = (status: string, endedAt: string) =>
      changePastTheServer(
        database.owner,
        `insert into parlant.parlant_session (workspace_id, id, agent_id, status, ended_at, boundary, boundary_key_version,
          started_at, last_activity_at, created_at, updated_at)
         values ($1, gen_random_uuid(), $2, $3::parlant.session_status, ${endedAt}, '', 1, now(), now(), now(), now())`,
        [id, ids["active"], status],
      );
    await session("active", "null");
    await session("abandoned", "'2026-01-02T03:04:05Z'");
    await sim.archive(id);
    await apply("workspace_archived", id);
    const sessions = () =>
      readPastTheServer<{ status: string; isOld: boolean }>(
        database.owner,
        id,
        `select status::text, ended_at = '2026-01-02T03:04:05Z' as "isOld" from parlant.parlant_session order by status::text`,
      );
    const ended = [
      { status: "abandoned", isOld: true },
      { status: "completed", isOld: false },
    ];
    expect(await sessions()).toEqual(ended);
    expect((await readTrail(database, id)).at(-1)).toMatchObject({ after: { agents: 2, sessions: 1 } });
    await sim.restore(id);
    await apply("workspace_restored", id);
    expect(await sessions()).toEqual(ended);
  });

  test("an archived workspace that was never used here gets no state", async () => {
    const { id } = await makeStaffedWorkspace(database.owner);
    await sim.archive(id);
    await apply("workspace_archived", id);
    expect(await keptState(database, id)).toBeUndefined();
  });
});
