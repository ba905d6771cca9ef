import { expect } from "vitest";
import { type Checks, collect, refusalOf } from "./check.ts";

export const agentChecks: Checks = {
  async "an agent has its defaults, its dates as dates, and the name as it is compared"(world) {
    const agent = await world.ws("admin").agents.create({ name: "  Scout " });
    expect(agent).toEqual({
      ...{ id: expect.stringMatching(/^[0-9a-f-]{36}$/), workspaceId: world.workspaceId, name: "Scout", description: null },
      ...{ status: "active", visibility: "workspace", isolationLevel: "strict", compositionMode: "fluid" },
      ...{ messageOutputMode: "block", maxEngineIterations: 3, systemPrompt: null, modelProvider: null, modelName: null },
      ...{ temperature: 0.7, maxTokens: 2000, tags: [], metadata: {}, createdBy: world.userIds.admin, createdByKeyId: null },
      ...{ createdAt: expect.any(Date), updatedAt: agent.createdAt, archivedAt: null, version: 1, accessLevel: "manage" },
      stats: { totalSessions: 0, totalMessages: 0, lastActiveAt: null },
      isolation: {
        ...{ workspaceId: world.workspaceId, level: "strict", verified: true },
        boundary: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
    expect(await world.ws("reader").agents.get(agent.id)).toEqual({ ...agent, accessLevel: "view" });
    expect(await world.ws("writer").agents.get(agent.id.toUpperCase())).toEqual({ ...agent, accessLevel: "configure" });
  },

  async "an update changes what is given, clears what is null, and counts its version"(world) {
    const { agents } = world.ws("writer");
    const agent = await agents.create({ name: "Scout", description: "Finds", tags: ["a"], metadata: { deep: [1, { x: null }] } });
    const updated = await agents.update(agent.id, { description: null, temperature: 0.2, version: 1 });
    expect(updated).toMatchObject({ description: null, temperature: 0.2, tags: ["a"], metadata: agent.metadata, version: 2 });
    expect(await agents.update(agent.id, { temperature: 0.2 })).toMatchObject({ version: 2, updatedAt: updated.updatedAt });
    expect(await refusalOf(agents.update(agent.id, { name: "Other", version: 1 }))).toMatchObject({
      ...{ name: "ConflictError", code: "CONFLICT", status: 409 },
      details: { code: "VERSION_CONFLICT", currentVersion: 2 },
      message: "The agent has changed: it is at version 2, not 1",
    });
    expect(await agents.get(agent.id)).toMatchObject({ name: "Scout", version: 2 });
  },

  async "a name is taken in any case, but not by a restricted or deleted agent"(world) {
    const { agents } = world.ws("admin");
    const first = await agents.create({ name: "Straße" });
    const taken = {
      ...{ name: "ConflictError", status: 409, details: { code: "NAME_TAKEN" } },
      message: 'The name "STRASSE" is taken by another agent of this workspace',
    };
    expect(await refusalOf(agents.create({ name: "STRASSE" }))).toMatchObject(taken);
    const hidden = await agents.create({ name: "STRASSE", visibility: "restricted" });
    expect(await refusalOf(agents.update(hidden.id, { visibility: "workspace" }))).toMatchObject(taken);
    await agents.delete(first.id);
    expect(await agents.update(hidden.id, { visibility: "workspace" })).toMatchObject({ visibility: "workspace", version: 2 });
    expect(await refusalOf(agents.restore(first.id))).toMatchObject({ details: { code: "NAME_TAKEN" } });
    expect((await world.elsewhere("outsider").agents.create({ name: "strasse" })).name).toBe("strasse");
  },

  async "a deleted agent is nowhere, and comes back as it was for as long as it is kept"(world) {
    const { agents, sessions } = world.ws("admin");
    const agent = await agents.create({ name: "Scout" });
    const session = await sessions.create({ agentId: agent.id });
    const deleted = await agents.delete(agent.id);
    expect(deleted).toMatchObject({ id: agent.id, deletedAt: expect.any(Date) });
    for (const call of [
      () => agents.get(agent.id),
      () => agents.update(agent.id, { name: "x" }),
      () => agents.delete(agent.id),
      () => sessions.get(session.id),
      () => world.ws("writer").agents.restore(agent.id),
    ]) {
      expect(await refusalOf(call())).toMatchObject({ code: "NOT_FOUND", status: 404 });
    }
    expect(await collect(agents.list({ includeArchived: true }))).toEqual([]);
    expect(await agents.restore(agent.id)).toMatchObject({ name: "Scout", version: 3, stats: { totalSessions: 1 } });
    expect(await agents.restore(agent.id)).toMatchObject({ version: 3 });
    expect(await sessions.get(session.id)).toMatchObject({ status: "completed", endedAt: deleted.deletedAt });
    await agents.delete(agent.id);
    world.forward(31 * 86_400_000);
    expect(await refusalOf(world.ws("adminKey").agents.restore(agent.id))).toMatchObject({ code: "NOT_FOUND" });
  },

  async "an archived agent ends its sessions, and is listed where it is asked for"(world) {
    const { agents, sessions } = world.ws("admin");
    const agent = await agents.create({ name: "Scout" });
    const { id } = await sessions.create({ agentId: agent.id });
    const archived = await agents.update(agent.id, { status: "archived" });
    expect(archived).toMatchObject({ archivedAt: expect.any(Date) });
    expect(await sessions.get(id)).toMatchObject({ status: "completed", endedAt: archived.archivedAt });
    const names = async (filters: object) => (await collect(agents.list(filters))).map(({ name }) => name);
    expect([await names({}), await names({ status: "archived" }), await names({ includeArchived: true })]).toEqual([
      [],
      ["Scout"],
      ["Scout"],
    ]);
    expect(await agents.update(agent.id, { status: "inactive" })).toMatchObject({ archivedAt: null });
    expect(await refusalOf(sessions.create({ agentId: agent.id }))).toMatchObject({
      ...{ code: "CONFLICT", message: "The agent is inactive: a session is opened with an active agent alone" },
      details: { code: "AGENT_NOT_ACTIVE", status: "inactive" },
    });
  },

  async "a list is filtered, ordered and paged, and a cursor is bound to its list"(world) {
    const { agents } = world.ws("admin");
    for (const [index, name] of ["b", "A", "c_1", "C", "d"].entries()) {
      await agents.create({ name, tags: index % 2 === 0 ? ["even"] : [], description: index === 4 ? "has c_1 in it" : null });
    }
    const names = async (filters: object) => (await collect(agents.list({ limit: 2, ...filters }))).map(({ name }) => name);
    expect(await names({})).toEqual(["d", "C", "c_1", "A", "b"]);
    expect(await names({ sortBy: "name", sortOrder: "asc" })).toEqual(["A", "b", "C", "c_1", "d"]);
    expect(await names({ sortBy: "updatedAt", sortOrder: "asc", tag: "even" })).toEqual(["b", "c_1", "d"]);
    expect(await names({ search: "C_1" })).toEqual(["d", "c_1"]);
    expect(await names({ createdBy: world.userIds.writer })).toEqual([]);
    const { nextCursor } = await agents.list({ limit: 2 });
    const cursor = nextCursor ?? "";
    expect((await agents.list({ limit: 1, cursor })).data.map(({ name }) => name)).toEqual(["c_1"]);
    for (const call of [
      () => agents.list({ cursor, tag: "even" }),
      () => agents.list({ cursor, sortOrder: "asc" }),
      () => agents.list({ cursor, sortBy: "name" }),
      () => agents.list({ cursor: "nonsense" }),
      () => world.elsewhere("outsider").agents.list({ cursor }),
      () => world.ws("admin").sessions.list({ cursor }),
    ]) {
      expect(await refusalOf(call())).toMatchObject({
        name: "BadRequestError",
        status: 400,
        details: { issues: [{ path: ["cursor"] }] },
      });
    }
    // Who may not see one does not find it in a list either.
    await agents.create({ name: "hidden", visibility: "restricted" });
    expect((await collect(world.ws("writer").agents.list())).map(({ name }) => name)).not.toContain("hidden");
    expect(await names({})).toContain("hidden");
  },
};
