import { expect } from "vitest";
import { type Checks, collect, refusalOf } from "./check.ts";

export const accessChecks: Checks = {
  async "each caller is told who it is and what it may"(world) {
    const me = async (who: Parameters<typeof world.ws>[0]) => {
      const { decision, principal, sources, ...access } = await world.ws(who).access.me();
      expect(decision).toEqual({ source: expect.any(String), decidedAt: expect.any(Date), ageMs: expect.any(Number) });
      expect(sources).toEqual([
        { kind: who === "workspaceKey" ? "workspace_api_key" : "explicit", permission: access.permission, role: null },
      ]);
      return { ...access, kind: principal.kind, userId: principal.userId };
    };
    const { workspaceId, userIds } = world;
    const common = { workspaceId, isolation: { workspaceId, verified: true } };
    const levels = (workspace: string, restricted: string, own: string) => ({ levels: { workspace, restricted, own } });
    expect(await me("admin")).toEqual({
      ...{ ...common, kind: "session", userId: userIds.admin, permission: "admin" },
      ...levels("manage", "manage", "manage"),
    });
    expect(await me("writer")).toMatchObject({ permission: "write", ...levels("configure", "none", "manage") });
    expect(await me("reader")).toMatchObject({ permission: "read", ...levels("view", "none", "view") });
    expect(await me("adminKey")).toMatchObject({ kind: "personal_api_key", userId: userIds.admin, permission: "admin" });
    expect(await me("workspaceKey")).toMatchObject({
      ...{ kind: "workspace_api_key", userId: null, permission: "write" },
      ...levels("configure", "none", "manage"),
    });
    const { data } = await world.ws("workspaceKey").agents.list();
    expect(data).toEqual([]);
    const made = await world.ws("workspaceKey").agents.create({ name: "By key" });
    expect(made).toMatchObject({ createdBy: null, createdByKeyId: expect.any(String), accessLevel: "manage" });
  },

  async "a restricted agent is there for its creator, admins and those with a grant alone"(world) {
    const { agents } = world.ws("writer");
    const agent = await agents.create({ name: "Hidden", visibility: "restricted" });
    expect(agent.accessLevel).toBe("manage");
    const reader = world.ws("reader").agents;
    const hidden = { code: "NOT_FOUND", status: 404, message: "Agent not found" };
    expect(await refusalOf(reader.get(agent.id))).toMatchObject(hidden);
    expect(await refusalOf(reader.delete(agent.id))).toMatchObject(hidden);
    expect(await refusalOf(world.ws("workspaceKey").agents.get(agent.id))).toMatchObject(hidden);
    expect(await world.ws("admin").agents.get(agent.id)).toMatchObject({ accessLevel: "manage" });
    await agents.grants.set(agent.id, world.userIds.reader, { level: "manage" });
    expect(await reader.get(agent.id)).toMatchObject({ accessLevel: "interact" });
    expect((await collect(reader.list())).map(({ name }) => name)).toEqual(["Hidden"]);
    await agents.grants.remove(agent.id, world.userIds.reader);
    expect(await refusalOf(reader.get(agent.id))).toMatchObject(hidden);
  },

  async "a grant replaces what the permission gives, up or down, until it ends"(world) {
    const { agents } = world.ws("admin");
    const agent = await agents.create({ name: "Scout" });
    const { reader, writer, admin } = world.userIds;
    const set = (userId: string, grant: Parameters<typeof agents.grants.set>[2]) => agents.grants.set(agent.id, userId, grant);
    const expiresAt = new Date((await world.as("admin").health()).timestamp.getTime() + 3_600_000);
    const given = await set(reader, { level: "interact", expiresAt });
    expect(given).toEqual({
      ...{ agentId: agent.id, userId: reader, level: "interact", expiresAt, grantedBy: admin },
      ...{ createdAt: expect.any(Date), updatedAt: given.createdAt },
      isolation: { workspaceId: world.workspaceId, verified: true },
    });
    expect(await set(reader, { level: "interact", expiresAt: expiresAt.toISOString() })).toEqual(given);
    await set(writer, { level: "none" });
    expect(await refusalOf(world.ws("writer").agents.get(agent.id))).toMatchObject({ code: "NOT_FOUND" });
    expect(await world.ws("reader").agents.get(agent.id)).toMatchObject({ accessLevel: "interact" });
    const listed = await collect(agents.grants.list(agent.id, { limit: 1 }));
    expect(listed.map(({ userId }) => userId)).toEqual([reader, writer].sort());
    expect(listed.find(({ userId }) => userId === writer)).toMatchObject({ level: "none", expiresAt: null });
    world.forward(3_600_001);
    expect(await world.ws("reader").agents.get(agent.id)).toMatchObject({ accessLevel: "view" });
    await set(writer, { level: "manage" });
    expect(await world.ws("writer").agents.delete(agent.id)).toMatchObject({ id: agent.id });
    expect(await refusalOf(set(world.userIds.outsider, { level: "view" }))).toMatchObject({ code: "NOT_FOUND" });
  },

  async "a permission that is changed holds at the next call"(world) {
    const agent = await world.ws("writer").agents.create({ name: "Scout" });
    await world.setPermission("writer", "read");
    expect(await world.ws("writer").agents.get(agent.id)).toMatchObject({ accessLevel: "view" });
    expect(await refusalOf(world.ws("writer").agents.delete(agent.id))).toMatchObject({ code: "FORBIDDEN" });
    await world.setPermission("writer", null);
    expect(await refusalOf(world.ws("writer").agents.get(agent.id))).toMatchObject({ message: "Workspace not found" });
    await world.setPermission("writer", "write");
    expect(await world.ws("writer").agents.delete(agent.id)).toMatchObject({ id: agent.id });
    await world.setPermission("outsider", "admin");
    expect(await world.ws("outsider").access.me()).toMatchObject({ permission: "admin" });
  },
};
