import { expect } from "vitest";
import { type Checks, collect, refusalOf } from "./check.ts";

export const guidelineChecks: Checks = {
  async "a guideline is made with its defaults, changed, found and deleted for good"(world) {
    const { agents, guidelines } = world.ws("writer");
    const { id: agentId } = await agents.create({ name: "Scout" });
    const made = await guidelines.create(agentId, { condition: "asked for a refund" });
    expect(made).toEqual({
      ...{
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        workspaceId: world.workspaceId,
        agentId,
        condition: "asked for a refund",
      },
      ...{ action: null, description: null, criticality: "medium", enabled: true, priority: 0, tags: [], metadata: {} },
      ...{ createdBy: world.userIds.writer, createdByKeyId: null, createdAt: expect.any(Date), updatedAt: made.createdAt },
      isolation: { workspaceId: world.workspaceId, verified: true },
    });
    world.forward(1_000);
    const changed = await guidelines.update(agentId, made.id, { action: "apologise", tags: ["a"], enabled: false });
    expect(changed).toMatchObject({ action: "apologise", tags: ["a"], enabled: false, condition: made.condition });
    expect(changed.updatedAt > made.updatedAt).toBe(true);
    expect(await guidelines.update(agentId, made.id, { action: "apologise" })).toEqual(changed);
    expect(await world.ws("reader").guidelines.list(agentId)).toMatchObject({ data: [{ id: made.id }], nextCursor: null });
    const { id: otherId } = await agents.create({ name: "Other" });
    expect(await refusalOf(guidelines.delete(otherId, made.id))).toMatchObject({ message: "Guideline not found" });
    await guidelines.delete(agentId, made.id);
    expect(await refusalOf(guidelines.delete(agentId, made.id))).toMatchObject({ code: "NOT_FOUND" });
  },

  async "a list goes by priority, the older first, page by page; an import of an export is the same again"(world) {
    const { agents, guidelines } = world.ws("admin");
    const { id: agentId } = await agents.create({ name: "Scout" });
    const given = [
      { condition: "a" },
      { condition: "b", priority: 10, tags: ["x"] },
      { condition: "c", priority: -2, criticality: "high" as const },
      { condition: "d", priority: 10, enabled: false },
    ];
    const imported = await guidelines.import(agentId, { guidelines: given });
    expect(imported).toMatchObject({ created: 4, deleted: 0, ids: expect.any(Array) });
    const found = async (filters: Parameters<typeof guidelines.list>[1] = {}) =>
      (await collect(guidelines.list(agentId, { limit: 1, ...filters }))).map(({ condition }) => condition);
    expect(await found()).toEqual(["b", "d", "a", "c"]);
    expect(await found({ sortOrder: "asc" })).toEqual(["c", "a", "b", "d"]);
    expect(await found({ sortBy: "createdAt" })).toEqual(["d", "c", "b", "a"]);
    expect([await found({ tag: "x" }), await found({ enabled: false }), await found({ criticality: "high" })]).toEqual([
      ["b"],
      ["d"],
      ["c"],
    ]);
    const exported = await guidelines.export(agentId);
    expect(exported.guidelines.map(({ condition }) => condition)).toEqual(["b", "d", "a", "c"]);
    const { id: copyId } = await agents.create({ name: "Copy" });
    await guidelines.create(copyId, { condition: "to be replaced" });
    expect(await guidelines.import(copyId, { mode: "replace", guidelines: exported.guidelines })).toMatchObject({
      created: 4,
      deleted: 1,
    });
    expect((await guidelines.export(copyId)).guidelines).toEqual(exported.guidelines);
  },

  async "an agent has at most a thousand guidelines, and none of those beyond is made"(world) {
    const { agents, guidelines } = world.ws("admin");
    const { id: agentId } = await agents.create({ name: "Scout" });
    const many = Array.from({ length: 1_000 }, (_, index) => ({ condition: `c${index}` }));
    await guidelines.import(agentId, { guidelines: many });
    expect(await refusalOf(guidelines.create(agentId, { condition: "x" }))).toMatchObject({
      ...{ code: "CONFLICT", details: { code: "GUIDELINE_LIMIT", limit: 1_000, count: 1_000 } },
      message: "An agent has at most 1000 guidelines; this one has 1000, and 1 more were given",
    });
    expect(await guidelines.import(agentId, { mode: "replace", guidelines: many })).toMatchObject({
      created: 1_000,
      deleted: 1_000,
    });
    expect((await guidelines.export(agentId)).guidelines).toHaveLength(1_000);
  },
};
