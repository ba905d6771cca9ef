import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../../client-sdk/src/index.ts";
import type { systemBinding } from "../../../server/db/system-binding.ts";
import { readSyncStatus } from "../../../server/sim-integration/sync/sync-status.ts";
import { syncWorkspaces } from "../../../server/sim-integration/sync/sync-workspaces.ts";
import { internalHeaders } from "../../support/internal.ts";
import { changePastTheServer } from "../../support/past-the-server.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestUser, type TestWorkspace } from "../../support/workspace.ts";
import { applierOf, everythingOf, keptAgents, keptState, simOn } from "../lifecycle/sim-changes.ts";

let server: TestServer;
let backend: TestUser["headers"];
let sim: ReturnType<typeof simOn>;
let apply: ReturnType<typeof applierOf>;

beforeAll(async () => {
  server = await startTestServer();
  backend = await internalHeaders();
  sim = simOn(server.database.owner);
  apply = applierOf(server.dependencies.services.lifecycle);
});

afterAll(() => server?.stop());

const syncAs = (headers: TestUser["headers"]) => callerWith(server.dependencies, headers).simIntegration.sync;

async function makeUsed(): Promise<TestWorkspace> {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { agents } = callerWith(server.dependencies, workspace.admin.headers).workspaces;
  const { id: agentId } = await agents.create({ workspaceId: workspace.id, name: "Scout" });
  await agents.grants.set({ workspaceId: workspace.id, agentId, userId: workspace.reader.id, level: "manage" });
  await apply("workspace_created", workspace.id);
  return workspace;
}

describe("sync.workspaces", () => {
  test("brings what no event told of in step, and says what was done", async () => {
    const [one, other] = [await makeUsed(), await makeUsed()];
    await sim.archive(one.id);
    await sim.removeMember(other.id, other.reader.id);
    const workspaceIds = [one.id, other.id];
    const synced = await syncAs(backend).workspaces({ workspaceIds, includeSessions: true });
    expect(synced).toMatchObject({
      syncedWorkspaces: workspaceIds,
      failedWorkspaces: [],
      totalAgentsSynced: 2,
      totalSessionsSynced: 0,
    });
    expect(synced.workspaces).toMatchObject([
      { actions: ["workspace.archive"], agents: { total: 1, archived: 1, archivedWithWorkspace: 1 }, sessions: { total: 0 } },
      { actions: ["agent.grant.remove"], agents: { total: 1, active: 1, archived: 0 } },
    ]);
    expect((await keptAgents(server.database, one.id))[0]).toMatchObject({ status: "archived" });
    const again = await syncAs(backend).workspaces({ workspaceIds, includeAgents: false });
    expect(again.workspaces).toEqual(
      workspaceIds.map((workspaceId) => ({ workspaceId, actions: [], agents: null, sessions: null })),
    );
  });

  test("names those that fail, and the others are done", async () => {
    const [broken, good] = [await makeUsed(), await makeUsed()];
    for (const { id } of [broken, good]) await sim.archive(id);
    const { sync } = server.dependencies.services;
    const lifecycle = {
      ...sync.lifecycle,
      openWorkspace: (binding: ReturnType<typeof systemBinding>) => {
        if (binding.workspaceId === broken.id) throw new Error("relation secret_table does not exist");
        return sync.lifecycle.openWorkspace(binding);
      },
    };
    const workspaceIds = [broken.id, "no-such-workspace", good.id];
    const options = { workspaceIds, fullSync: false, includeAgents: true, includeSessions: false };
    const synced = await syncWorkspaces({ ...sync, lifecycle }, options);
    expect(synced.syncedWorkspaces).toEqual([good.id]);
    expect(synced.failedWorkspaces).toEqual([
      { workspaceId: broken.id, error: "It could not be brought in step; the server's log says why" },
      { workspaceId: "no-such-workspace", error: "Workspace not found" },
    ]);
    expect((await keptAgents(server.database, good.id))[0]).toMatchObject({ status: "archived" });
    expect((await keptAgents(server.database, broken.id))[0]).toMatchObject({ status: "active" });
  });

  test("a full sync looks at everything and drops what is remembered; one that is not, does not", async () => {
    const { id, writer } = await makeUsed();
    const { agents } = callerWith(server.dependencies, writer.headers).workspaces;
    const remembered = () => server.dependencies.contexts.entries().filter(({ access }) => access.workspaceId === id).length;
    await agents.list({ workspaceId: id });
    expect(remembered()).toBeGreaterThan(0);
    await syncAs(backend).workspaces({ workspaceIds: [id] });
    expect(remembered()).toBeGreaterThan(0);
    await syncAs(backend).workspaces({ workspaceIds: [id], fullSync: true });
    expect(remembered()).toBe(0);
  });

  test("that is under way is seen in the status, by whatever instance", async () => {
    const { id } = await makeUsed();
    const { sync } = server.dependencies.services;
    const seen: unknown[] = [];
    const lifecycle = {
      ...sync.lifecycle,
      publish: async () => {
        seen.push((await syncAs(backend).status({ workspaceId: id })).syncing);
      },
    };
    const options = { workspaceIds: [id], fullSync: true, includeAgents: false, includeSessions: false };
    await syncWorkspaces({ ...sync, lifecycle }, options);
    expect(seen).toEqual([{ startedAt: expect.any(Date) }]);
    expect((await syncAs(backend).status({ workspaceId: id })).syncing).toBeNull();
    // One whose server was killed says nothing for long.
    const cutOff = "update parlant.parlant_workspace_state set sync_started_at = now() - interval '2 minutes'";
    await changePastTheServer(server.database.owner, `${cutOff} where workspace_id = $1`, [id]);
    expect((await syncAs(backend).status({ workspaceId: id })).syncing).toBeNull();
  });

  test.each(["writer", "reader"] as const)("a %s is refused, and nothing is done", async (who) => {
    const workspace = await makeUsed();
    await sim.rename(workspace.id, "Another name");
    const before = await keptState(server.database, workspace.id);
    const call = syncAs(workspace[who].headers).workspaces({ workspaceIds: [workspace.id] });
    await expect(call).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await keptState(server.database, workspace.id)).toEqual(before);
  });

  test("an admin of all that are named is let in, and of all but one is not", async () => {
    const [mine, others] = [await makeUsed(), await makeUsed()];
    const sync = syncAs(mine.admin.headers);
    expect((await sync.workspaces({ workspaceIds: [mine.id] })).syncedWorkspaces).toEqual([mine.id]);
    await sim.rename(mine.id, "Another name");
    const before = await everythingOf(server.database, mine.id);
    const both = sync.workspaces({ workspaceIds: [mine.id, others.id] });
    await expect(both).rejects.toMatchObject({ code: "NOT_FOUND", message: "Workspace not found" });
    expect(await everythingOf(server.database, mine.id)).toEqual(before);
  });

  test("takes 1 to 100 workspaces", async () => {
    for (const workspaceIds of [[], Array.from({ length: 101 }, (_, index) => `ws-${index}`)])
      await expect(syncAs(backend).workspaces({ workspaceIds })).rejects.toMatchObject({ code: "BAD_REQUEST" });
  });
});

describe("sync.status", () => {
  const statusOf = (workspaceId: string) => syncAs(backend).status({ workspaceId });

  test("is consistent where nothing differs", async () => {
    const { id } = await makeUsed();
    expect(await statusOf(id)).toMatchObject({
      ...{ dataConsistency: "consistent", syncHealth: "healthy", differences: [], lagMs: 0, isArchived: false },
      ...{ agentCount: 1, activeSessions: 0, deletion: null, syncing: null },
      lastEvent: { action: "workspace.create" },
      lastSync: expect.any(Date),
    });
  });

  test("says what differs: lagging at first, inconsistent where nothing repairs it", async () => {
    const { id } = await makeUsed();
    await sim.archive(id);
    const lagging = await statusOf(id);
    expect(lagging).toMatchObject({ dataConsistency: "lagging", syncHealth: "warning", isArchived: true });
    expect(lagging.differences.map(({ what }) => what)).toEqual(["archive"]);
    await sim.archive(id, new Date(Date.now() - 600_000));
    await server.database.owner.query("update workspace set updated_at = archived_at where id = $1", [id]);
    const inconsistent = await statusOf(id);
    expect(inconsistent.dataConsistency).toBe("inconsistent");
    expect(inconsistent.lagMs).toBeGreaterThan(590_000);
    await syncAs(backend).workspaces({ workspaceIds: [id] });
    expect(await statusOf(id)).toMatchObject({ dataConsistency: "consistent", agents: { archivedWithWorkspace: 1 } });
  });

  test("compares the rows that there are with what the archive must have left", async () => {
    const { id } = await makeUsed();
    await changePastTheServer(
      server.database.owner,
      `update parlant.parlant_agent set status = 'archived', archived_at = now(), archive_reason = 'workspace',
         status_before_archive = 'active' where workspace_id = $1`,
      [id],
    );
    const { differences } = await statusOf(id);
    expect(differences).toEqual([{ what: "agents", message: "1 agents are archived with the workspace, which is not" }]);
  });

  test("tells what Sim told: what waits, what failed for good, and when the last of it came", async () => {
    const [{ id }, other] = [await makeUsed(), await makeUsed()];
    const told = { lastEventAt: null, pendingDeliveries: 0, deadLetters: 0 };
    expect(await statusOf(id)).toMatchObject(told);
    const last = new Date("2026-11-24T12:00:00Z");
    const insert = `insert into parlant.parlant_webhook_delivery (workspace_id, id, kind, body, body_sha256, status, received_at, processed_at)
      select $1, status, 'workspace_event', '\\x00', sha256('\\x00'), status::parlant.webhook_status, $2::timestamptz - age * interval '1 s',
        case when status = 'done' then now() end
      from (values ('pending', 3), ('failed', 2), ('done', 0)) as delivery (status, age)`;
    await changePastTheServer(server.database.owner, insert, [id, last]);
    const waiting = { lastEventAt: last, pendingDeliveries: 2, deadLetters: 0, syncHealth: "healthy" };
    expect(await statusOf(id)).toMatchObject(waiting);
    const die = "update parlant.parlant_webhook_delivery set status = 'dead' where workspace_id = $1 and status = 'failed'";
    await changePastTheServer(server.database.owner, die, [id]);
    expect(await statusOf(id)).toMatchObject({ ...waiting, pendingDeliveries: 1, deadLetters: 1, syncHealth: "warning" });
    expect(await statusOf(other.id)).toMatchObject(told);
  });

  test("says what is to become of a workspace that Sim deleted", async () => {
    const { id } = await makeUsed();
    const at = new Date();
    await sim.archive(id, at);
    await apply("workspace_deleted", id, { occurredAt: at, deletion: { mode: "archive", isExportAsked: true } });
    expect((await statusOf(id)).deletion).toEqual({
      ...{ requestedAt: at, mode: "archive", isExportAsked: true },
      purgeAt: new Date(at.getTime() + 30 * 86_400_000),
    });
  });

  test("is for the workspace's admins, and of an archived or absent one for nobody but Sim's backend", async () => {
    const { id: workspaceId, admin, writer } = await makeUsed();
    expect((await syncAs(admin.headers).status({ workspaceId })).workspaceId).toBe(workspaceId);
    await expect(syncAs(writer.headers).status({ workspaceId })).rejects.toMatchObject({ code: "FORBIDDEN" });
    await sim.archive(workspaceId);
    await expect(syncAs(admin.headers).status({ workspaceId })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(statusOf("no-such-workspace")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("control: a status that compared nothing would call an archive that was missed consistent", async () => {
    const { id } = await makeUsed();
    await sim.archive(id);
    const { services } = server.dependencies;
    const seen = await readSyncStatus({ ...services.sync, isolation: services.isolation }, { workspaceId: id });
    expect(seen.dataConsistency).not.toBe("consistent");
    expect((await keptAgents(server.database, id))[0]).toMatchObject({ status: "active" });
  });
});

test("both by REST and by the client", async () => {
  const { id } = await makeUsed();
  const url = `${server.url}/api/v1/sim-integration`;
  const body = JSON.stringify({ workspaceIds: [id] });
  const headers = { ...backend, "content-type": "application/json" };
  const synced = await fetch(`${url}/sync/workspaces`, { method: "POST", headers, body });
  expect(synced.status).toBe(200);
  expect(await synced.json()).toMatchObject({ syncedWorkspaces: [id], failedWorkspaces: [] });
  const status = await fetch(`${url}/workspaces/${id}/sync-status`, { headers: backend });
  expect(status.status).toBe(200);
  expect(await status.json()).toMatchObject({ workspaceId: id, dataConsistency: "consistent" });
  const { sync } = createClient({ baseUrl: server.url, headers: () => backend }).integration;
  expect((await sync.workspaces({ workspaceIds: [id] })).syncTimestamp).toBeInstanceOf(Date);
  expect((await sync.status(id)).checkedAt).toBeInstanceOf(Date);
});
