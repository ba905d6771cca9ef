import { expect } from "vitest";
import { type Checks, collect, refusalOf, says } from "./check.ts";

const REUSED = {
  ...{ name: "ConflictError", code: "CONFLICT", status: 409, details: { code: "IDEMPOTENCY_KEY_REUSED" } },
  message: "This Idempotency-Key was used for another request",
};

export const repetitionChecks: Checks = {
  async "a create under the same key has the same answer and one effect, for a day"(world) {
    const { agents } = world.ws("admin");
    const key = { idempotencyKey: "row-17" };
    const agent = await agents.create({ name: "Scout", metadata: { b: 1, a: 2 } }, key);
    await agents.update(agent.id, { description: "changed since" });
    expect(await agents.create({ metadata: { a: 2, b: 1 }, name: " Scout" }, key)).toEqual(agent);
    expect(await refusalOf(agents.create({ name: "Other" }, key))).toMatchObject(REUSED);
    expect(await collect(agents.list())).toHaveLength(1);
    // Another caller's and another workspace's keys are others.
    expect((await world.ws("writer").agents.create({ name: "Other" }, key)).name).toBe("Other");
    expect((await world.elsewhere("outsider").agents.create({ name: "Scout" }, key)).id).not.toBe(agent.id);
    world.forward(24 * 3_600_000 + 1);
    expect((await agents.create({ name: "Third" }, key)).name).toBe("Third");
  },

  async "a create that failed is not kept, and other creates are kept likewise"(world) {
    const { agents, sessions, guidelines, events } = world.ws("admin");
    const { id: agentId } = await agents.create({ name: "Scout" });
    const key = { idempotencyKey: "again" };
    expect(await refusalOf(agents.create({ name: "SCOUT" }, key))).toMatchObject({ details: { code: "NAME_TAKEN" } });
    const session = await sessions.create({ agentId }, key);
    expect(await sessions.create({ agentId }, key)).toEqual(session);
    expect(await refusalOf(guidelines.create(agentId, { condition: "x" }, key))).toMatchObject(REUSED);
    const other = { idempotencyKey: "other" };
    const guideline = await guidelines.create(agentId, { condition: "x" }, other);
    expect(await guidelines.create(agentId, { condition: "x" }, other)).toEqual(guideline);
    const append = { idempotencyKey: "append" };
    const appended = await events.append(session.id, says("once"), append);
    expect(await events.append(session.id, says("once"), append)).toEqual(appended);
    expect(await sessions.get(session.id)).toMatchObject({ eventCount: 1 });
    const imported = { idempotencyKey: "import" };
    const ids = await guidelines.import(agentId, { guidelines: [{ condition: "y" }] }, imported);
    expect(await guidelines.import(agentId, { guidelines: [{ condition: "y" }] }, imported)).toEqual(ids);
    expect((await guidelines.export(agentId)).guidelines).toHaveLength(2);
    await sessions.delete(session.id);
    expect(await refusalOf(events.append(session.id, says("once"), append))).toMatchObject({ code: "NOT_FOUND" });
  },
};
