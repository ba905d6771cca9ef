import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { grantPermission, makeMember, makeOrganization, makeUser } from "../../support/database.ts";
import type { TestServer } from "../../support/server.ts";
import { makeSignedInUser, type TestUser } from "../../support/workspace.ts";
import { callsOf, makeScene, startAccessServer } from "./access-scene.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startAccessServer();
});
afterAll(() => server?.stop());

const of = (user: Pick<TestUser, "headers">) => callsOf(server.dependencies, user);

describe("members", () => {
  test("lists all who have a permission one way or another, by email, as Sim does", async () => {
    const { workspaceId, admin, writer, reader } = await makeScene(server);
    const { owner } = server.database;
    const organization = await makeOrganization(owner);
    await owner.query("update workspace set organization_id = $2 where id = $1", [workspaceId, organization.id]);
    const boss = await makeSignedInUser(owner);
    await makeMember(owner, { organizationId: organization.id, userId: boss.id, role: "admin" });
    const employee = await makeSignedInUser(owner);
    await makeMember(owner, { organizationId: organization.id, userId: employee.id });
    const { data, nextCursor } = await of(reader).access.members({ workspaceId });
    expect(nextCursor).toBeNull();
    const emails = data.map(({ email }) => email);
    expect(emails).toEqual([...emails].sort());
    const byId = Object.fromEntries(data.map((member) => [member.userId, member]));
    expect(Object.keys(byId).sort()).toEqual([admin.id, writer.id, reader.id, boss.id].sort());
    expect(byId[admin.id]).toMatchObject({ permissionType: "admin", roleSource: "owner", isExternal: false, isOrgAdmin: false });
    expect(byId[writer.id]).toMatchObject({ permissionType: "write", roleSource: "explicit", isExternal: true });
    expect(byId[boss.id]).toMatchObject({
      permissionType: "admin",
      roleSource: "org-admin",
      isExternal: false,
      isOrgAdmin: true,
    });
    expect(byId[boss.id]?.joinedAt).toBeInstanceOf(Date);
  });

  test("shows a grant to whoever manages its agent, and to nobody else", async () => {
    const { workspaceId, admins, admin, writer, reader, hidden } = await makeScene(server);
    const { id: own } = await of(writer).agents.create({ workspaceId, name: "Writer's", visibility: "restricted" });
    await admins.agents.grants.set({ workspaceId, agentId: hidden, userId: reader.id, level: "none" });
    await admins.agents.grants.set({ workspaceId, agentId: own, userId: reader.id, level: "view" });
    const seenBy = async (user: TestUser) => {
      const { data } = await of(user).access.members({ workspaceId });
      return data.flatMap(({ grants }) => grants.map(({ agentId }) => agentId)).sort();
    };
    expect(await seenBy(admin)).toEqual([hidden, own].sort());
    expect(await seenBy(writer)).toEqual([own]);
    expect(await seenBy(reader)).toEqual([]);
    await admins.agents.delete({ workspaceId, agentId: hidden });
    expect(await seenBy(admin)).toEqual([own]);
  });

  test("shows a hundred grants of a member, and says whether there are more", async () => {
    const { workspaceId, admins, reader, writer } = await makeScene(server);
    const names = Array.from({ length: 101 }, (_, index) => `Agent ${index}`);
    const agents = await Promise.all(names.map((name) => admins.agents.create({ workspaceId, name })));
    const ids = agents.map(({ id }) => id).sort();
    const grantTo = (userId: string, agentIds: string[]) =>
      Promise.all(
        agentIds.map((agentId) => admins.agents.grants.set({ workspaceId, agentId, userId, level: "view", expiresAt: null })),
      );
    await grantTo(reader.id, ids);
    await grantTo(writer.id, ids.slice(1));
    const { data } = await admins.access.members({ workspaceId });
    const shown = (userId: string) => {
      const member = data.find((one) => one.userId === userId);
      return [member?.hasMoreGrants, member?.grants.map(({ agentId }) => agentId)];
    };
    expect(shown(reader.id)).toEqual([true, ids.slice(0, 100)]);
    expect(shown(writer.id)).toEqual([false, ids.slice(1)]);
  });

  test("is paged", async () => {
    const { workspaceId, reader } = await makeScene(server);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await of(reader).access.members({ workspaceId, limit: 2, ...(cursor && { cursor }) });
      seen.push(...page.data.map(({ email }) => email));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(seen).toHaveLength(3);
    expect(seen).toEqual([...seen].sort());
  });
});

describe("members, with the longest and strangest emails,", () => {
  test("are paged one by one, each once, in both orders", async () => {
    const { workspaceId, reader } = await makeScene(server);
    const { owner } = server.database;
    const emails = ["\u0001", "\u{10ffff}", "\ufffd", '"', "a"].flatMap((character) =>
      ["x", "y"].map((end) => `${character.repeat(330)}${end}@example.test`),
    );
    for (const email of emails) {
      const { id } = await makeUser(owner, { id: `\u0001${randomUUID()}`.padEnd(128, "\u0002"), email });
      await grantPermission(owner, { userId: id, workspaceId, permission: "read" });
    }
    for (const sortOrder of ["asc", "desc"] as const) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await of(reader).access.members({ workspaceId, sortOrder, limit: 1, ...(cursor && { cursor }) });
        seen.push(...page.data.map(({ email }) => email));
        cursor = page.nextCursor ?? undefined;
      } while (cursor);
      expect(seen).toHaveLength(emails.length + 3);
      expect(new Set(seen)).toEqual(new Set([...seen, ...emails]));
    }
  });
});
