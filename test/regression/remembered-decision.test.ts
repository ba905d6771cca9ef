import { expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { connectInUtc, grantPermission, makeApiKey, makeWorkspace } from "../support/database.ts";
import { openDependencies } from "../support/open-dependencies.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";

const { database, dependencies } = await openDependencies({ PERMISSION_CACHE_TTL: "3600" });

test("after a revocation an input that is refused without a statement is answered like any other", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, writer.headers).workspaces;
  await agents.list({ workspaceId });
  await expect(agents.list({ workspaceId, limit: 0 })).rejects.toMatchObject({ code: "BAD_REQUEST" });
  await database.owner.query("delete from permissions where user_id = $1", [writer.id]);
  for (const input of [{ limit: 0 }, { cursor: "zzz" }]) {
    await agents.list({ workspaceId }).catch(() => {});
    await grantPermission(database.owner, { userId: writer.id, workspaceId, permission: "write" });
    await agents.list({ workspaceId });
    await database.owner.query("delete from permissions where user_id = $1", [writer.id]);
    await expect(agents.list({ workspaceId, ...input })).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
});

test("a key or session token that Sim replaced in place is refused at once", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const key = await makeApiKey(database.owner, { userId: writer.id });
  const byKey = callerWith(dependencies, { "x-api-key": key.plain }).workspaces.agents;
  const bySession = callerWith(dependencies, writer.headers).workspaces.agents;
  await Promise.all([byKey.list({ workspaceId }), bySession.list({ workspaceId })]);
  await database.owner.query("update api_key set key_hash = 'rotated' where id = $1", [key.id]);
  await database.owner.query("update session set token = 'rotated' where user_id = $1", [writer.id]);
  await expect(byKey.list({ workspaceId })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  await expect(bySession.list({ workspaceId })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});

test("a workspace that was deleted and came back with the same id begins anew, on every server", async () => {
  const workspace = await makeStaffedWorkspace(database.owner);
  const workspaceId = workspace.id;
  const other = await createTestDependencies(database.appUrl);
  try {
    const agentsOn = (server: Dependencies) => callerWith(server, workspace.admin.headers).workspaces.agents;
    for (const server of [dependencies, other]) await agentsOn(server).list({ workspaceId });
    await agentsOn(dependencies).create({ workspaceId, name: "Old" });
    await database.owner.query("delete from workspace where id = $1", [workspaceId]);
    await makeWorkspace(database.owner, { id: workspaceId, ownerId: workspace.admin.id });
    const keyed = callerWith(dependencies, { ...workspace.admin.headers, "idempotency-key": "k" }).workspaces.agents;
    const created = await keyed.create({ workspaceId, name: "New" });
    for (const server of [dependencies, other]) expect((await agentsOn(server).list({ workspaceId })).data).toEqual([created]);
  } finally {
    await other.close();
  }
});

test("a workspace deleted under a create is not found", async () => {
  const { id: workspaceId, admin } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, admin.headers).workspaces;
  await agents.list({ workspaceId });
  await database.owner.query("begin");
  await database.owner.query("delete from workspace where id = $1", [workspaceId]);
  const pending = agents.create({ workspaceId, name: "Scout" });
  const outcome = pending.catch((error: unknown) => error);
  await expect.poll(blocked).toBeGreaterThan(0);
  await database.owner.query("commit");
  expect(await outcome).toMatchObject({ code: "NOT_FOUND" });
});

test("whoever stays a member is served, or asked to try again, while its level changes; never told that nothing is there", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, writer.headers).workspaces;
  let isOver = false;
  const flapping = (async () => {
    for (let turn = 0; !isOver; turn++) {
      await grantPermission(database.owner, { userId: writer.id, workspaceId, permission: turn % 2 ? "read" : "write" });
    }
  })();
  const codes = new Set<string>();
  for (let call = 0; call < 60; call++) {
    codes.add(
      await agents.list({ workspaceId }).then(
        () => "OK",
        (error: { code: string }) => error.code,
      ),
    );
  }
  isOver = true;
  await flapping;
  expect([...codes].filter((code) => code !== "OK" && code !== "SERVICE_UNAVAILABLE")).toEqual([]);
  expect(codes).toContain("OK");
});

test("a deleted agent is absent for whoever could not restore it", async () => {
  const { id: workspaceId, admin, writer, reader } = await makeStaffedWorkspace(database.owner);
  const { id: agentId } = await callerWith(dependencies, admin.headers).workspaces.agents.create({ workspaceId, name: "Gone" });
  await callerWith(dependencies, admin.headers).workspaces.agents.delete({ workspaceId, agentId });
  for (const user of [writer, reader]) {
    const attempt = callerWith(dependencies, user.headers).workspaces.agents.restore({ workspaceId, agentId });
    await expect(attempt).rejects.toMatchObject({ code: "NOT_FOUND", message: "Agent not found" });
  }
});

test("a cursor with a time that PostgreSQL cannot read is refused by name", async () => {
  const { id: workspaceId, admin } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, admin.headers).workspaces;
  for (const name of ["a", "b"]) await agents.create({ workspaceId, name });
  const { nextCursor } = await agents.list({ workspaceId, limit: 1 });
  const parts = JSON.parse(Buffer.from(String(nextCursor), "base64url").toString("utf8"));
  for (const v of [
    "0000-01-01T00:00:00.000Z",
    `2020-01-01T00:00:00.${"0".repeat(200)}Z`,
    "+012020-01-01T00:00:00.000Z",
    "x",
    "a\0",
  ]) {
    const cursor = Buffer.from(JSON.stringify({ ...parts, v })).toString("base64url");
    await expect(agents.list({ workspaceId, cursor })).rejects.toMatchObject({
      code: "BAD_REQUEST",
      cause: { details: { issues: [{ path: ["cursor"] }] } },
    });
  }
});

test("the audit trail names the agent as it is stored, and whose key it was", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const key = await makeApiKey(database.owner, { userId: writer.id });
  const { agents } = callerWith(dependencies, { "x-api-key": key.plain }).workspaces;
  const { id } = await agents.create({ workspaceId, name: "Scout" });
  await agents.update({ workspaceId, agentId: id.toUpperCase(), description: "changed" });
  await database.owner.query("begin");
  await database.owner.query("select parlant.parlant_enter_system($1, 'test')", [workspaceId]);
  const { rows } = await database.owner.query("select target_id, actor_id, on_behalf_of from parlant.parlant_audit_event");
  await database.owner.query("commit");
  expect(rows).toEqual(Array(2).fill({ target_id: id, actor_id: key.id, on_behalf_of: writer.id }));
});

async function blocked(): Promise<number> {
  const superuser = await connectInUtc(database.superuserUrl);
  try {
    const { rows } = await superuser.query<{ count: number }>(
      "select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rows[0]?.count ?? 0;
  } finally {
    await superuser.end();
  }
}
