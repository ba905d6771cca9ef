import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dependencies } from "../../../server/dependencies.ts";
import { readTrail } from "../../support/audit-trail.ts";
import { createTestDatabase, makeMember, makeOrganization, type TestDatabase } from "../../support/database.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestUser, type TestWorkspace } from "../../support/workspace.ts";
import { applierOf, keptAgents, keptState, simOn } from "./sim-changes.ts";

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
const actionsOf = async (workspaceId: string) => (await readTrail(database, workspaceId)).map(({ action }) => action);

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

const ARCHIVED = [
  { name: "active", status: "archived", reason: "workspace", before: "active" },
  { name: "by hand", status: "archived", reason: "manual", before: null },
  { name: "deleted", status: "active", reason: null, before: null },
  { name: "inactive", status: "archived", reason: "workspace", before: "inactive" },
];

describe("deleted", () => {
  const deletion = (mode: "archive" | "delete", isExportAsked = false) => ({ deletion: { mode, isExportAsked } });

  test("as archived at once, with what is to become of it", async () => {
    const { id } = await makeFurnished();
    await sim.archive(id);
    await apply("workspace_deleted", id, deletion("archive", true));
    expect(await keptAgents(database, id)).toEqual(ARCHIVED);
    expect(await keptState(database, id)).toMatchObject({ deletion_mode: "archive", is_export_asked: true });
    expect((await actionsOf(id)).slice(-2)).toEqual(["workspace.archive", "workspace.delete"]);
  });

  test("asks for nothing while Sim shows the workspace as live", async () => {
    const { id } = await makeFurnished();
    expect(await apply("workspace_deleted", id, deletion("delete"))).toEqual({ actions: [] });
    expect(await keptState(database, id)).toMatchObject({ deletion_requested_at: null, deletion_mode: null });
    await sim.archive(id);
    await apply("workspace_archived", id);
    expect(await keptState(database, id)).toMatchObject({ deletion_requested_at: null });
  });

  test("asks for nothing where it is of an archive before the present one", async () => {
    const { id } = await makeFurnished();
    const old = { ...deletion("delete"), occurredAt: new Date(Date.now() - 3_600_000) };
    await sim.archive(id);
    await apply("workspace_deleted", id, old);
    expect(await keptAgents(database, id)).toEqual(ARCHIVED);
    expect(await keptState(database, id)).toMatchObject({ deletion_requested_at: null });
    await apply("workspace_deleted", id, { ...old, occurredAt: new Date() });
    expect(await keptState(database, id)).toMatchObject({ deletion_mode: "delete" });
  });

  test.each(["the restore is told", "the restore is not told"])("is taken back by a restore, where %s", async (how) => {
    const { id } = await makeFurnished();
    await sim.archive(id, new Date(Date.now() - 60_000));
    await apply("workspace_deleted", id, deletion("delete"));
    await sim.restore(id);
    if (how === "the restore is told") await apply("workspace_restored", id);
    await sim.archive(id);
    await apply("workspace_archived", id);
    expect(await keptState(database, id)).toMatchObject({ deletion_requested_at: null, deletion_mode: null });
    expect(await keptAgents(database, id)).toEqual(ARCHIVED);
  });

  test("several come to the same in any order", async () => {
    const at = Date.now();
    const asked = [
      { ...deletion("archive", true), occurredAt: new Date(at + 2) },
      { ...deletion("delete"), occurredAt: new Date(at + 3) },
      { ...deletion("archive"), occurredAt: new Date(at + 1) },
    ];
    for (const order of [asked, asked.toReversed(), [...asked, ...asked]]) {
      const { id } = await makeFurnished();
      await sim.archive(id, new Date(at));
      for (const one of order) await apply("workspace_deleted", id, one);
      expect(await keptState(database, id)).toMatchObject({
        deletion_requested_at: new Date(at + 1),
        deletion_mode: "delete",
        is_export_asked: true,
      });
    }
  });
});

describe("permissions, members and ownership", () => {
  async function withGrant(workspace: TestWorkspace & { ids: Record<string, string> }, user: TestUser) {
    const { agents } = callsOf(workspace.admin);
    const ref = { workspaceId: workspace.id, agentId: workspace.ids["active"] ?? "" };
    await agents.grants.set({ ...ref, userId: user.id, level: "manage" });
    return async () => (await agents.grants.list(ref)).data.map(({ userId }) => userId);
  }

  test.each(["workspace_member_removed", "workspace_permissions_updated"] as const)(
    "after %s a removed member has no grant, and the agents that it made stay",
    async (type) => {
      const workspace = await makeFurnished();
      const { id: workspaceId, writer, reader } = workspace;
      const made = await callsOf(writer).agents.create({ workspaceId, name: "made by the writer" });
      await withGrant(workspace, reader);
      const granted = await withGrant(workspace, writer);
      await sim.removeMember(workspaceId, writer.id);
      expect(await apply(type, workspaceId, { userIds: [writer.id] })).toEqual({ actions: ["agent.grant.remove"] });
      expect(await granted()).toEqual([reader.id]);
      expect(await callsOf(workspace.admin).agents.get({ workspaceId, agentId: made.id })).toMatchObject({
        createdBy: writer.id,
      });
      expect((await readTrail(database, workspaceId)).at(-1)).toMatchObject({
        action: "agent.grant.remove",
        target_id: workspace.ids["active"],
        before: { userId: writer.id, level: "manage" },
      });
    },
  );

  test("control: a grant of somebody who still has a permission stays, inherited admin included", async () => {
    const workspace = await makeFurnished();
    const { id, writer, reader } = workspace;
    const organization = await makeOrganization(database.owner);
    await database.owner.query("update workspace set organization_id = $2 where id = $1", [id, organization.id]);
    await makeMember(database.owner, { organizationId: organization.id, userId: writer.id, role: "admin" });
    await withGrant(workspace, reader);
    const granted = await withGrant(workspace, writer);
    await sim.removeMember(id, writer.id);
    await apply("workspace_member_removed", id, { userIds: [writer.id, reader.id] });
    expect((await granted()).sort()).toEqual([writer.id, reader.id].sort());
    await database.owner.query("update member set role = 'member' where user_id = $1", [writer.id]);
    await apply("workspace_member_removed", id, { userIds: [writer.id, reader.id] });
    expect(await granted()).toEqual([reader.id]);
  });

  test("what is remembered of the users that are named is dropped, and of nobody else", async () => {
    const { id: workspaceId, writer, reader } = await makeFurnished();
    for (const user of [writer, reader]) await callsOf(user).agents.list({ workspaceId });
    const remembered = () =>
      [writer, reader].map(
        ({ id }) =>
          dependencies.contexts.entries().filter(({ principal }) => "userId" in principal && principal.userId === id).length,
      );
    expect(remembered()).toEqual([1, 1]);
    await apply("workspace_member_added", workspaceId, { userIds: [writer.id] });
    expect(remembered()).toEqual([0, 1]);
    await apply("workspace_ownership_transferred", workspaceId);
    expect(remembered()).toEqual([0, 0]);
  });

  test("a new owner is kept", async () => {
    const { id, writer } = await makeFurnished();
    await sim.transfer(id, writer.id);
    expect(await apply("workspace_ownership_transferred", id)).toEqual({ actions: ["workspace.ownership_transfer"] });
    expect((await keptState(database, id))?.["settings"]).toMatchObject({ ownerId: writer.id });
  });
});
