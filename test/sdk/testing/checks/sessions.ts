import { expect } from "vitest";
import { type Checks, collect, refusalOf, says } from "./check.ts";

export const sessionChecks: Checks = {
  async "a session is opened with its defaults, changed, ended and made active again"(world) {
    const { agents, sessions } = world.ws("writer");
    const { id: agentId } = await agents.create({ name: "Scout" });
    const session = await sessions.create({ agentId, title: "Refund", tags: ["vip"], metadata: { a: 1 } });
    const { createdAt } = session;
    expect(session).toEqual({
      ...{ id: expect.stringMatching(/^[0-9a-f-]{36}$/), workspaceId: world.workspaceId, agentId, userId: world.userIds.writer },
      ...{ createdByKeyId: null, customerId: "guest", title: "Refund", mode: "auto", status: "active", metadata: { a: 1 } },
      ...{ tags: ["vip"], eventCount: 0, messageCount: 0, startedAt: createdAt, lastActivityAt: createdAt, endedAt: null },
      ...{ createdAt: expect.any(Date), updatedAt: createdAt },
      isolation: { workspaceId: world.workspaceId, boundary: expect.stringMatching(/^[0-9a-f]{64}$/), verified: true },
    });
    expect(await sessions.update(session.id, { title: "Refund" })).toEqual(session);
    world.forward(1_000);
    const ended = await sessions.update(session.id, { title: null, status: "completed" });
    expect(ended).toMatchObject({ title: null, status: "completed", endedAt: ended.updatedAt, lastActivityAt: createdAt });
    world.forward(1_000);
    expect(await sessions.update(session.id, { status: "abandoned" })).toMatchObject({ endedAt: ended.endedAt });
    const again = await sessions.update(session.id, { status: "active" });
    expect(again).toMatchObject({ endedAt: null, lastActivityAt: again.updatedAt });
    expect(again.updatedAt > createdAt).toBe(true);
    await agents.update(agentId, { status: "inactive" });
    await sessions.update(session.id, { status: "completed" });
    expect(await refusalOf(sessions.update(session.id, { status: "active" }))).toMatchObject({
      ...{ code: "CONFLICT", details: { code: "AGENT_NOT_ACTIVE", status: "inactive" } },
    });
    await sessions.delete(session.id);
    expect(await refusalOf(sessions.get(session.id))).toMatchObject({ code: "NOT_FOUND", message: "Session not found" });
  },

  async "a strict agent's session is its opener's and the managers' to see, a shared one's everybody's"(world) {
    const { agents, sessions } = world.ws("admin");
    const strict = await agents.create({ name: "Strict" });
    const shared = await agents.create({ name: "Shared", isolationLevel: "workspace" });
    const writer = world.ws("writer");
    const own = await writer.sessions.create({ agentId: strict.id });
    const hidden = await sessions.create({ agentId: strict.id });
    const open = await sessions.create({ agentId: shared.id });
    await world.ws("workspaceKey").sessions.create({ agentId: strict.id });
    const seen = async (who: Parameters<typeof world.ws>[0]) =>
      (await collect(world.ws(who).sessions.list({ sortBy: "createdAt", sortOrder: "asc" }))).map(({ id }) => id);
    expect(await seen("writer")).toEqual([own.id, open.id]);
    expect(await seen("reader")).toEqual([open.id]);
    expect(await seen("admin")).toHaveLength(4);
    for (const call of [
      () => writer.sessions.get(hidden.id),
      () => writer.sessions.update(hidden.id, { title: "x" }),
      () => writer.sessions.delete(hidden.id),
      () => writer.events.append(hidden.id, says("x")),
      () => writer.events.list(hidden.id),
      () => writer.events.stream(hidden.id).next(),
    ]) {
      expect(await refusalOf(call())).toMatchObject({ code: "NOT_FOUND", message: "Session not found" });
    }
    expect(await refusalOf(writer.sessions.delete(open.id))).toMatchObject({
      ...{ code: "FORBIDDEN", details: { code: "INSUFFICIENT_AGENT_LEVEL", required: "manage", actual: "configure" } },
    });
    expect(await refusalOf(world.ws("reader").events.append(open.id, says("x")))).toMatchObject({ code: "FORBIDDEN" });
    expect((await writer.agents.get(strict.id)).stats).toEqual({
      ...{ totalSessions: 1, totalMessages: 0, lastActiveAt: own.lastActivityAt },
    });
    expect((await agents.get(strict.id)).stats).toMatchObject({ totalSessions: 3 });
    expect((await world.ws("reader").agents.get(shared.id)).stats).toMatchObject({ totalSessions: 1 });
    expect((await world.ws("reader").agents.get(strict.id)).stats).toEqual({
      ...{ totalSessions: 0, totalMessages: 0, lastActiveAt: null },
    });
  },

  async "a list of sessions is filtered, ordered and paged"(world) {
    const { agents, sessions, events } = world.ws("admin");
    const { id: agentId } = await agents.create({ name: "Scout" });
    const { id: otherId } = await agents.create({ name: "Other" });
    const made: string[] = [];
    for (const [index, fields] of [{ tags: ["vip"] }, { customerId: "c1" }, { mode: "manual" as const }, {}].entries()) {
      made.push((await sessions.create({ agentId: index === 3 ? otherId : agentId, ...fields })).id);
      world.forward(1_000);
    }
    const [first, second, third, fourth] = made;
    await events.append(first ?? "", says("hello"));
    const found = async (filters: Parameters<typeof sessions.list>[0] = {}) =>
      (await collect(sessions.list({ limit: 1, ...filters }))).map(({ id }) => id);
    expect(await found()).toEqual([first, fourth, third, second]);
    expect(await found({ sortBy: "createdAt", sortOrder: "asc" })).toEqual(made);
    expect(await found({ agentId: otherId })).toEqual([fourth]);
    expect([await found({ tag: "vip" }), await found({ customerId: "c1" }), await found({ mode: "manual" })]).toEqual([
      [first],
      [second],
      [third],
    ]);
    await sessions.update(second ?? "", { status: "completed" });
    expect(await found({ status: "completed" })).toEqual([second]);
    expect(await found({ userId: world.userIds.writer })).toEqual([]);
    const { lastActivityAt } = await sessions.get(third ?? "");
    expect(await found({ from: lastActivityAt })).toEqual([first, fourth, third]);
    expect(await found({ to: lastActivityAt.toISOString() })).toEqual([third, second]);
    const { nextCursor } = await sessions.list({ limit: 1 });
    expect(await refusalOf(sessions.list({ cursor: nextCursor ?? "", tag: "vip" }))).toMatchObject({ status: 400 });
  },
};
