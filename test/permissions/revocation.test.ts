import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { grantPermission, makeApiKey, makeMember, makeOrganization } from "../support/database.ts";
import { openDependencies } from "../support/open-dependencies.ts";
import { callerWith, TEST_INTERNAL_SECRET } from "../support/services.ts";
import { makeSignedInUser, makeStaffedWorkspace, type TestUser, type TestWorkspace } from "../support/workspace.ts";

const { database, dependencies } = await openDependencies({ PERMISSION_CACHE_TTL: "3600" });

const NOT_FOUND = { code: "NOT_FOUND", message: "Workspace not found" };
const UNAUTHORIZED = { code: "UNAUTHORIZED" };

/** Each way in which Sim takes a permission away, and the answer that the very next call gets. */
const REVOCATIONS: Record<string, { revoke(workspace: TestWorkspace, user: TestUser): Promise<unknown>; answer: object }> = {
  "the permission row is deleted": {
    revoke: ({ id }, user) => sql("delete from permissions where entity_id = $1 and user_id = $2", id, user.id),
    answer: NOT_FOUND,
  },
  "the workspace is archived": {
    revoke: ({ id }) => sql("update workspace set archived_at = now() at time zone 'UTC' where id = $1", id),
    answer: NOT_FOUND,
  },
  "the session is deleted": { revoke: (_, user) => sql("delete from session where user_id = $1", user.id), answer: UNAUTHORIZED },
  "the session expires": {
    revoke: (_, user) =>
      sql("update session set expires_at = (now() at time zone 'UTC') - interval '1 second' where user_id = $1", user.id),
    answer: UNAUTHORIZED,
  },
  "the user is banned": {
    revoke: (_, user) => sql(`update "user" set banned = true where id = $1`, user.id),
    answer: UNAUTHORIZED,
  },
};

describe.each(Object.entries(REVOCATIONS))("after %s", (_, { revoke, answer }) => {
  test("the very next read and write of a warm server are refused, and nothing is written", async () => {
    const workspace = await makeStaffedWorkspace(database.owner);
    const { id: workspaceId, writer } = workspace;
    const { agents } = callerWith(dependencies, writer.headers).workspaces;
    const { id: agentId } = await agents.create({ workspaceId, name: "Scout" });
    await agents.list({ workspaceId });
    await revoke(workspace, writer);
    await expect(agents.list({ workspaceId })).rejects.toMatchObject(answer);
    await expect(agents.get({ workspaceId, agentId })).rejects.toMatchObject(answer);
    await expect(agents.update({ workspaceId, agentId, name: "Changed" })).rejects.toMatchObject(answer);
    await expect(agents.create({ workspaceId, name: "Second" })).rejects.toMatchObject(answer);
    expect(await names(workspaceId)).toEqual(["Scout"]);
  });
});

test("control: a statement whose prelude does not look at the truth still reads after the revocation", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  await callerWith(dependencies, writer.headers).workspaces.agents.create({ workspaceId, name: "Scout" });
  await sql("delete from permissions where entity_id = $1 and user_id = $2", workspaceId, writer.id);
  expect(await names(workspaceId)).toEqual(["Scout"]);
});

test("a lowered permission is honoured at once: a write is refused with what is left, a read goes on", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, writer.headers).workspaces;
  await agents.create({ workspaceId, name: "Scout" });
  await grantPermission(database.owner, { userId: writer.id, workspaceId, permission: "read" });
  await expect(agents.create({ workspaceId, name: "Second" })).rejects.toMatchObject({
    code: "FORBIDDEN",
    cause: { details: { required: "write", actual: "read" } },
  });
  expect((await agents.list({ workspaceId })).data[0]).toMatchObject({ name: "Scout", accessLevel: "view" });
});

test("a raised permission is honoured at once, although a lower one is remembered", async () => {
  const { id: workspaceId, reader } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, reader.headers).workspaces;
  await agents.list({ workspaceId });
  await grantPermission(database.owner, { userId: reader.id, workspaceId, permission: "write" });
  expect(await agents.create({ workspaceId, name: "Scout" })).toMatchObject({ accessLevel: "manage" });
});

test("an organization's admin inherits admin, loses it with the role, and a mere member inherits nothing", async () => {
  const { id: workspaceId } = await makeStaffedWorkspace(database.owner);
  const organization = await makeOrganization(database.owner);
  await sql("update workspace set organization_id = $2 where id = $1", workspaceId, organization.id);
  const boss = await makeSignedInUser(database.owner);
  const member = await makeSignedInUser(database.owner);
  await makeMember(database.owner, { organizationId: organization.id, userId: boss.id, role: "admin" });
  await makeMember(database.owner, { organizationId: organization.id, userId: member.id });
  const { agents } = callerWith(dependencies, boss.headers).workspaces;
  expect(await agents.create({ workspaceId, name: "Scout" })).toMatchObject({ accessLevel: "manage" });
  await expect(callerWith(dependencies, member.headers).workspaces.agents.list({ workspaceId })).rejects.toMatchObject(NOT_FOUND);
  await sql("update member set role = 'member' where user_id = $1", boss.id);
  await expect(agents.list({ workspaceId })).rejects.toMatchObject(NOT_FOUND);
});

test.each(["personal", "workspace"] as const)("a %s key ends when it expires, on a server that remembers it", async (kind) => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const key = await makeApiKey(database.owner, { userId: writer.id, ...(kind === "workspace" && { workspaceId }) });
  const { agents } = callerWith(dependencies, { "x-api-key": key.plain }).workspaces;
  await agents.create({ workspaceId, name: "Scout" });
  await sql("update api_key set expires_at = (now() at time zone 'UTC') - interval '1 second' where id = $1", key.id);
  await expect(agents.list({ workspaceId })).rejects.toMatchObject(UNAUTHORIZED);
  await expect(agents.create({ workspaceId, name: "Second" })).rejects.toMatchObject(UNAUTHORIZED);
  expect(await names(workspaceId)).toEqual(["Scout"]);
});

test("Sim's backend acts for a user with that user's permission, until it is taken or the user banned", async () => {
  const { id: workspaceId, writer, reader } = await makeStaffedWorkspace(database.owner);
  const actingFor = async (userId: string) => {
    const token = await new SignJWT({ type: "internal", userId })
      .setProtectedHeader({ alg: "HS256" })
      .setIssuer("sim-internal")
      .setAudience("sim-api")
      .setExpirationTime("5m")
      .sign(new TextEncoder().encode(TEST_INTERNAL_SECRET));
    return callerWith(dependencies, { authorization: `Bearer ${token}` }).workspaces.agents;
  };
  const agents = await actingFor(writer.id);
  expect(await agents.create({ workspaceId, name: "Scout" })).toMatchObject({ createdBy: writer.id });
  await expect((await actingFor(reader.id)).create({ workspaceId, name: "Second" })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await sql("delete from permissions where entity_id = $1 and user_id = $2", workspaceId, writer.id);
  await expect(agents.list({ workspaceId })).rejects.toMatchObject(NOT_FOUND);
  await sql(`update "user" set banned = true where id = $1`, reader.id);
  await expect((await actingFor(reader.id)).list({ workspaceId })).rejects.toMatchObject(UNAUTHORIZED);
  expect(await names(workspaceId)).toEqual(["Scout"]);
});

test("an API key ends with its deletion; a personal one with the workspace's say, which only members learn of", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const stranger = await makeSignedInUser(database.owner);
  const key = await makeApiKey(database.owner, { userId: writer.id });
  const strangersKey = await makeApiKey(database.owner, { userId: stranger.id });
  const agentsOf = (plain: string) => callerWith(dependencies, { "x-api-key": plain }).workspaces.agents;
  expect(await agentsOf(key.plain).create({ workspaceId, name: "Scout" })).toMatchObject({
    createdBy: writer.id,
    createdByKeyId: key.id,
  });
  await sql("update workspace set allow_personal_api_keys = false where id = $1", workspaceId);
  await expect(agentsOf(key.plain).list({ workspaceId })).rejects.toMatchObject({
    code: "FORBIDDEN",
    cause: { details: { code: "PERSONAL_API_KEYS_DISABLED" } },
  });
  await expect(agentsOf(strangersKey.plain).list({ workspaceId })).rejects.toMatchObject(NOT_FOUND);
  await sql("update workspace set allow_personal_api_keys = true where id = $1", workspaceId);
  expect((await agentsOf(key.plain).list({ workspaceId })).data).toHaveLength(1);
  await sql("delete from api_key where id = $1", key.id);
  await expect(agentsOf(key.plain).list({ workspaceId })).rejects.toMatchObject(UNAUTHORIZED);
});

test("a workspace key is a writer without a user in its own workspace, and nobody elsewhere", async () => {
  const mine = await makeStaffedWorkspace(database.owner);
  const other = await makeStaffedWorkspace(database.owner);
  const key = await makeApiKey(database.owner, { userId: mine.admin.id, workspaceId: mine.id });
  const { agents } = callerWith(dependencies, { "x-api-key": key.plain }).workspaces;
  const made = await agents.create({ workspaceId: mine.id, name: "Bot", visibility: "restricted" });
  expect(made).toMatchObject({ createdBy: null, createdByKeyId: key.id, accessLevel: "manage" });
  expect((await agents.list({ workspaceId: mine.id })).data.map(({ id }) => id)).toEqual([made.id]);
  const theirs = await callerWith(dependencies, mine.admin.headers).workspaces.agents.create({
    workspaceId: mine.id,
    name: "Theirs",
  });
  await expect(agents.delete({ workspaceId: mine.id, agentId: theirs.id })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(agents.list({ workspaceId: other.id })).rejects.toMatchObject(NOT_FOUND);
});

test("a permission taken away inside a transaction fails its commit", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const caller = await dependencies.services.findCaller(new Headers(writer.headers), false);
  if (!caller) throw new Error("not signed in");
  const { db } = await dependencies.services.resolveAccess(caller, workspaceId, false);
  await callerWith(dependencies, writer.headers).workspaces.agents.list({ workspaceId });
  const attempt = db.transaction(async (tx) => {
    await tx.workspaceState.updateMany({ where: {}, data: { settings: { changed: true } } });
    await sql("delete from permissions where entity_id = $1 and user_id = $2", workspaceId, writer.id);
  });
  await expect(attempt).rejects.toThrow();
  const { rows } = await inWorkspace(workspaceId, "select settings from parlant.parlant_workspace_state");
  expect(rows).toEqual([{ settings: {} }]);
});

function sql(text: string, ...values: string[]) {
  return database.owner.query(text, values);
}

async function inWorkspace(workspaceId: string, text: string) {
  await database.owner.query("begin");
  await database.owner.query("select parlant.parlant_enter_system($1, 'test')", [workspaceId]);
  const result = await database.owner.query(text);
  await database.owner.query("commit");
  return result;
}

async function names(workspaceId: string): Promise<string[]> {
  const { rows } = await inWorkspace(workspaceId, "select name from parlant.parlant_agent");
  return rows.map(({ name }) => name);
}
