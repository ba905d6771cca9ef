import { afterAll, beforeAll, expect, test } from "vitest";
import { createDependencies, type Dependencies } from "../../../server/dependencies.ts";
import { ACCESS_LEVELS } from "../../../server/permissions/levels.ts";
import { createLogger } from "../../../server/shared/logger.ts";
import { readTrail } from "../../support/audit-trail.ts";
import { grantPermission, makeApiKey, makeMember, makeOrganization } from "../../support/database.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callerWith, testEnv } from "../../support/services.ts";
import { makeSignedInUser, makeStaffedWorkspace, type TestUser } from "../../support/workspace.ts";

let server: TestServer;
/** A second instance on the same database. */
let other: Dependencies;
/** Where it stands still, the clock of a third; null while it runs. */
let stoppedAtMs: number | null = null;
let stoppable: Dependencies;

beforeAll(async () => {
  server = await startTestServer({ PERMISSION_CACHE_TTL: "3600" });
  const env = testEnv(server.database.appUrl, { PERMISSION_CACHE_TTL: "3600" });
  other = await createDependencies(env, createLogger("error"));
  stoppable = await createDependencies(env, createLogger("error"), { now: () => stoppedAtMs ?? Date.now() });
});

afterAll(async () => {
  await other?.close();
  await stoppable?.close();
  await server?.stop();
});

const agentsOf = ({ headers }: Pick<TestUser, "headers">, dependencies = server.dependencies) =>
  callerWith(dependencies, headers).workspaces.agents;

async function makeAgent(visibility: "workspace" | "restricted" = "restricted") {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { id: agentId } = await agentsOf(workspace.admin).create({ workspaceId: workspace.id, name: "Scout", visibility });
  const ref = { workspaceId: workspace.id, agentId };
  return { ...workspace, ref, grants: agentsOf(workspace.admin).grants };
}

const NOT_FOUND = { code: "NOT_FOUND", message: "Agent not found" };

test("a grant opens a restricted agent to a user at once, on every server, and its removal closes it", async () => {
  const { ref, reader, grants } = await makeAgent();
  for (const dependencies of [server.dependencies, other]) {
    await expect(agentsOf(reader, dependencies).get(ref)).rejects.toMatchObject(NOT_FOUND);
  }
  const granted = await grants.set({ ...ref, userId: reader.id, level: "interact" });
  expect(granted).toMatchObject({ userId: reader.id, level: "interact", expiresAt: null, grantedBy: expect.any(String) });
  for (const dependencies of [server.dependencies, other]) {
    expect(await agentsOf(reader, dependencies).get(ref)).toMatchObject({ accessLevel: "interact" });
    const { data } = await agentsOf(reader, dependencies).list({ workspaceId: ref.workspaceId });
    expect(data).toMatchObject([{ id: ref.agentId, accessLevel: "interact" }]);
  }
  await grants.remove({ ...ref, userId: reader.id });
  for (const dependencies of [server.dependencies, other]) {
    await expect(agentsOf(reader, dependencies).get(ref)).rejects.toMatchObject(NOT_FOUND);
    expect((await agentsOf(reader, dependencies).list({ workspaceId: ref.workspaceId })).data).toEqual([]);
  }
});

test("every level is kept as given and works as far as the permission carries it", async () => {
  const { ref, reader, writer, grants } = await makeAgent("workspace");
  const working = { read: ["none", "view", "interact", "interact", "interact"], write: ACCESS_LEVELS };
  for (const [permission, user] of Object.entries({ read: reader, write: writer })) {
    for (const [index, level] of ACCESS_LEVELS.entries()) {
      await grants.set({ ...ref, userId: user.id, level });
      const seen = await agentsOf(user)
        .get(ref)
        .then(
          ({ accessLevel }) => accessLevel,
          (error) => (error.message === NOT_FOUND.message ? "none" : error),
        );
      expect([permission, level, seen]).toEqual([permission, level, working[permission as "read" | "write"][index]]);
      const { data } = await grants.list(ref);
      expect(data.find(({ userId }) => userId === user.id)?.level).toBe(level);
    }
  }
});

test("a grant ends at its millisecond, for a check and for the list alike", async () => {
  const { ref, reader, grants } = await makeAgent();
  const expiresAt = new Date(Date.now() + 3_600_000);
  await grants.set({ ...ref, userId: reader.id, level: "view", expiresAt });
  const agents = agentsOf(reader, stoppable);
  const at = async (offsetMs: number) => {
    stoppedAtMs = expiresAt.getTime() + offsetMs;
    const listed = (await agents.list({ workspaceId: ref.workspaceId })).data.length;
    const isFound = await agents.get(ref).then(
      () => 1,
      () => 0,
    );
    return [isFound, listed];
  };
  expect([await at(-1), await at(0), await at(1)]).toEqual([
    [1, 1],
    [0, 0],
    [0, 0],
  ]);
  stoppedAtMs = null;
  const { data } = await grants.list(ref);
  expect(data[0]?.expiresAt).toEqual(expiresAt);
});

test("grants are given and taken by who manages the agent, and by nobody else", async () => {
  const { ref, reader, writer, grants } = await makeAgent("workspace");
  for (const user of [reader, writer]) {
    const attempts = agentsOf(user).grants;
    for (const attempt of [
      () => attempts.list(ref),
      () => attempts.set({ ...ref, userId: reader.id, level: "view" }),
      () => attempts.remove({ ...ref, userId: reader.id }),
    ]) {
      await expect(attempt()).rejects.toMatchObject({
        code: "FORBIDDEN",
        cause: { details: { code: "INSUFFICIENT_AGENT_LEVEL", required: "manage" } },
      });
    }
  }
  expect((await grants.list(ref)).data).toEqual([]);
  await grants.set({ ...ref, userId: writer.id, level: "manage" });
  await agentsOf(writer).grants.set({ ...ref, userId: reader.id, level: "none" });
  await expect(agentsOf(reader).get(ref)).rejects.toMatchObject(NOT_FOUND);
  await expect(agentsOf(reader).grants.list(ref)).rejects.toMatchObject(NOT_FOUND);
});

test("the visibility is for who manages, though configuring is not", async () => {
  const { ref, writer, grants } = await makeAgent("workspace");
  const { agents } = callerWith(server.dependencies, writer.headers).workspaces;
  await agents.update({ ...ref, description: "changed" });
  await expect(agents.update({ ...ref, visibility: "restricted" })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await grants.set({ ...ref, userId: writer.id, level: "manage" });
  expect(await agents.update({ ...ref, visibility: "restricted" })).toMatchObject({ accessLevel: "manage" });
});

test("a user without a permission here is not found, whether Sim knows it or not; one who left can still be removed", async () => {
  const { ref, reader, grants } = await makeAgent();
  const stranger = await makeSignedInUser(server.database.owner);
  for (const userId of [stranger.id, "nobody"]) {
    await expect(grants.set({ ...ref, userId, level: "view" })).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "User not found",
    });
  }
  await grants.set({ ...ref, userId: reader.id, level: "view" });
  await server.database.owner.query("delete from permissions where user_id = $1", [reader.id]);
  await expect(grants.set({ ...ref, userId: reader.id, level: "manage" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(agentsOf(reader).get(ref)).rejects.toMatchObject({ message: "Workspace not found" });
  await grants.remove({ ...ref, userId: reader.id });
  expect((await grants.list(ref)).data).toEqual([]);
  await expect(grants.remove({ ...ref, userId: reader.id })).rejects.toMatchObject({ message: "Grant not found" });
});

test("an admin of the organization can be given one, which changes nothing for it", async () => {
  const { ref, grants } = await makeAgent();
  const { owner } = server.database;
  const organization = await makeOrganization(owner);
  await owner.query("update workspace set organization_id = $2 where id = $1", [ref.workspaceId, organization.id]);
  const boss = await makeSignedInUser(owner);
  await makeMember(owner, { organizationId: organization.id, userId: boss.id, role: "admin" });
  await grants.set({ ...ref, userId: boss.id, level: "none" });
  expect(await agentsOf(boss).get(ref)).toMatchObject({ accessLevel: "manage" });
  const employee = await makeSignedInUser(owner);
  await makeMember(owner, { organizationId: organization.id, userId: employee.id });
  await expect(grants.set({ ...ref, userId: employee.id, level: "view" })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a workspace key has no grants, and gives them as nobody", async () => {
  const { id: workspaceId, admin, reader } = await makeStaffedWorkspace(server.database.owner);
  const key = await makeApiKey(server.database.owner, { userId: admin.id, workspaceId });
  const agents = agentsOf({ headers: { "x-api-key": key.plain } });
  const { id: agentId } = await agents.create({ workspaceId, name: "Bot", visibility: "restricted" });
  const given = await agents.grants.set({ workspaceId, agentId, userId: reader.id, level: "view" });
  expect(given.grantedBy).toBeNull();
  expect(await agentsOf(reader).get({ workspaceId, agentId })).toMatchObject({ accessLevel: "view" });
});

test("each change is in the trail with what was before and after; a repeated one changes nothing and is not", async () => {
  const { ref, reader, admin, grants } = await makeAgent();
  const userId = reader.id;
  const expiresAt = new Date("2030-01-02T03:04:05.678Z");
  await grants.set({ ...ref, userId, level: "view" });
  await grants.set({ ...ref, userId, level: "manage", expiresAt });
  await grants.set({ ...ref, userId, level: "manage", expiresAt });
  await grants.remove({ ...ref, userId });
  await grants.remove({ ...ref, userId }).catch(() => {});
  const trail = (await readTrail(server.database, ref.workspaceId)).filter(
    ({ action, outcome }) => action.startsWith("agent.grant") && outcome === "success",
  );
  const kept = { userId, level: "manage", expiresAt: expiresAt.toISOString() };
  const first = { userId, level: "view", expiresAt: null };
  expect(trail.map(({ action, before, after }) => ({ action, before, after }))).toEqual([
    { action: "agent.grant.set", before: null, after: first },
    { action: "agent.grant.set", before: first, after: kept },
    { action: "agent.grant.remove", before: kept, after: null },
  ]);
  for (const event of trail) expect(event).toMatchObject({ actor_id: admin.id, target_id: ref.agentId });
});

test("a deleted agent's grants are out of reach, and are there again when it is restored", async () => {
  const { ref, reader, admin, grants } = await makeAgent();
  await grants.set({ ...ref, userId: reader.id, level: "view" });
  await agentsOf(admin).delete(ref);
  for (const attempt of [
    () => grants.list(ref),
    () => grants.set({ ...ref, userId: reader.id, level: "none" }),
    () => grants.remove({ ...ref, userId: reader.id }),
    () => agentsOf(reader).get(ref),
  ]) {
    await expect(attempt()).rejects.toMatchObject(NOT_FOUND);
  }
  await agentsOf(admin).restore(ref);
  expect(await agentsOf(reader).get(ref)).toMatchObject({ accessLevel: "view" });
});

test("the list is paged by user, in either order", async () => {
  const { ref, grants } = await makeAgent();
  const users = await Promise.all(Array.from({ length: 5 }, () => makeSignedInUser(server.database.owner)));
  for (const { id: userId } of users) {
    await grantPermission(server.database.owner, { userId, workspaceId: ref.workspaceId, permission: "read" });
    await grants.set({ ...ref, userId, level: "view" });
  }
  for (const sortOrder of ["asc", "desc"] as const) {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await grants.list({ ...ref, limit: 2, sortOrder, ...(cursor && { cursor }) });
      seen.push(...page.data.map(({ userId }) => userId));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(new Set(seen)).toEqual(new Set(users.map(({ id }) => id)));
    expect(seen).toHaveLength(5);
  }
  const { nextCursor } = await grants.list({ ...ref, limit: 2 });
  await expect(grants.list({ ...ref, limit: 2, sortOrder: "desc", cursor: String(nextCursor) })).rejects.toMatchObject({
    code: "BAD_REQUEST",
  });
});

test("over REST: 200, 200 and 204, with times as text", async () => {
  const { ref, reader, admin } = await makeAgent();
  const path = `${server.url}/api/v1/workspaces/${ref.workspaceId}/agents/${ref.agentId}/grants`;
  const send = (method: string, url: string, body?: object) =>
    fetch(url, {
      method,
      headers: { ...admin.headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  const expiresAt = "2030-01-02T03:04:05.678Z";
  const set = await send("PUT", `${path}/${reader.id}`, { level: "view", expiresAt });
  expect([set.status, await set.json()]).toMatchObject([200, { level: "view", expiresAt, isolation: { verified: true } }]);
  const list = await send("GET", path);
  expect([list.status, await list.json()]).toMatchObject([200, { data: [{ userId: reader.id, expiresAt }], nextCursor: null }]);
  const removed = await send("DELETE", `${path}/${reader.id}`);
  expect([removed.status, await removed.text()]).toEqual([204, ""]);
  for (const body of [
    {},
    { level: "own" },
    { level: "view", expiresAt: "soon" },
    { level: "view", expiresAt: "+012030-01-02T00:00:00Z" },
  ]) {
    expect((await send("PUT", `${path}/${reader.id}`, body)).status).toBe(400);
  }
});
