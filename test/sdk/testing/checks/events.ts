import { expect } from "vitest";
import type { World } from "../world.ts";
import { type Checks, collect, refusalOf, says } from "./check.ts";

async function openSession(world: World) {
  const ws = world.ws("admin");
  const agent = await ws.agents.create({ name: `Agent ${Math.random()}` });
  return {
    ...ws,
    events: ws.events,
    sessions: ws.sessions,
    agents: ws.agents,
    agent,
    id: (await ws.sessions.create({ agentId: agent.id })).id,
  };
}

export const eventChecks: Checks = {
  async "events are appended all or none, at offsets without a gap, and counted"(world) {
    const { events, sessions, agents, agent, id } = await openSession(world);
    const first = await events.append(id, says("zero"));
    const [zero] = first.data;
    expect(first).toEqual({
      data: [
        {
          ...{ ...says("zero"), id: expect.stringMatching(/^[0-9a-f-]{36}$/), sessionId: id, offset: 0, metadata: {} },
          ...{ traceId: expect.stringMatching(/./), createdAt: expect.any(Date) },
        },
      ],
      nextOffset: 1,
      isolation: { workspaceId: world.workspaceId, verified: true },
    });
    const status = { kind: "status" as const, source: "ai_agent" as const, data: { status: "typing" as const, more: [1] } };
    const custom = {
      kind: "custom" as const,
      source: "system" as const,
      data: { a: { b: null } },
      traceId: "t",
      metadata: { m: 1 },
    };
    expect(await events.append(id, [status, custom, says("three")])).toMatchObject({
      data: [{ ...status, offset: 1 }, { ...custom, offset: 2 }, { offset: 3 }],
      nextOffset: 4,
    });
    expect(
      await refusalOf(events.append(id, [says("x"), { kind: "message", source: "customer", data: {} } as never])),
    ).toMatchObject({
      code: "BAD_REQUEST",
    });
    expect((await events.list(id)).data.map(({ offset }) => offset)).toEqual([0, 1, 2, 3]);
    expect((await events.list(id)).data[0]).toEqual(zero);
    expect(await sessions.get(id)).toMatchObject({ eventCount: 4, messageCount: 2, lastActivityAt: expect.any(Date) });
    const { stats } = await agents.get(agent.id);
    expect(stats).toEqual({ totalSessions: 1, totalMessages: 2, lastActiveAt: (await sessions.get(id)).lastActivityAt });
  },

  async "a list goes on where the one before ended, and leaves kinds out that are not asked for"(world) {
    const { events, id } = await openSession(world);
    const custom = { kind: "custom" as const, source: "system" as const, data: {} };
    await events.append(id, [says("0"), custom, says("2"), custom, custom]);
    const page = await events.list(id, { kinds: ["message"], limit: 1 });
    expect([page.data.map(({ offset }) => offset), page.nextOffset]).toEqual([[0], 1]);
    const next = await events.list(id, { kinds: ["message"], limit: 2, minOffset: page.nextOffset });
    expect([next.data.map(({ offset }) => offset), next.nextOffset]).toEqual([[2], 5]);
    expect(await events.list(id, { minOffset: 9 })).toMatchObject({ data: [], nextOffset: 9 });
  },

  async "nothing is appended to a completed session; an abandoned one is active again"(world) {
    const { events, sessions, agents, agent, id } = await openSession(world);
    await sessions.update(id, { status: "completed" });
    expect(await refusalOf(events.append(id, says("x")))).toMatchObject({
      ...{ code: "CONFLICT", details: { code: "SESSION_COMPLETED" } },
    });
    await sessions.update(id, { status: "abandoned" });
    expect(await events.append(id, says("0"))).toMatchObject({ nextOffset: 1 });
    expect(await sessions.get(id)).toMatchObject({ status: "active", endedAt: null });
    await sessions.update(id, { status: "abandoned" });
    await agents.update(agent.id, { status: "inactive" });
    expect(await refusalOf(events.append(id, says("x")))).toMatchObject({ details: { code: "AGENT_NOT_ACTIVE" } });
    expect(await sessions.get(id)).toMatchObject({ status: "abandoned", eventCount: 1 });
  },

  async "who waits is given the first event that comes, and none of another session"(world) {
    const { events, sessions, agent, id } = await openSession(world);
    const other = await sessions.create({ agentId: agent.id });
    const waiting = events.list(id, { waitSeconds: 20 });
    await events.append(other.id, says("elsewhere"));
    await events.append(id, says("here"));
    expect((await waiting).data.map(({ data }) => data["message"])).toEqual(["here"]);
    expect(await events.list(id, { minOffset: 1, waitSeconds: 1 })).toMatchObject({ data: [], nextOffset: 1 });
  },

  async "a stream gives what is there and what comes, each once and in order, from where it is asked to"(world) {
    const { events, id } = await openSession(world);
    await events.append(id, [says("0"), says("1"), { kind: "custom", source: "system", data: {} }]);
    const controller = new AbortController();
    const seen: [number, boolean][] = [];
    const reading = (async () => {
      const { signal } = controller;
      for await (const { offset, createdAt } of events.stream(id, { fromOffset: 1, kinds: ["message"], signal })) {
        seen.push([offset, createdAt instanceof Date]);
        if (offset < 4) await events.append(id, says("more"));
        else controller.abort();
      }
    })();
    expect(await refusalOf(reading)).toMatchObject({ code: "ABORTED" });
    expect(seen.map(([offset]) => offset)).toEqual([1, 3, 4]);
    expect(seen.every(([, isDate]) => isDate)).toBe(true);
  },

  async "a stream and a wait end with the refusal where the session is deleted or the caller is let in no longer"(world) {
    const { events, sessions, agents, agent, id } = await openSession(world);
    const stream = events.stream(id);
    await events.append(id, says("0"));
    expect((await stream.next()).value).toMatchObject({ offset: 0 });
    const next = refusalOf(stream.next());
    const waiting = refusalOf(events.list(id, { minOffset: 1, waitSeconds: 20 }));
    await sessions.delete(id);
    expect(await next).toMatchObject({ code: "NOT_FOUND", message: "Session not found" });
    expect(await waiting).toMatchObject({ code: "NOT_FOUND", message: "Session not found" });
    await agents.update(agent.id, { isolationLevel: "workspace" });
    const shared = await sessions.create({ agentId: agent.id });
    const reader = refusalOf(world.ws("reader").events.stream(shared.id).next());
    const keyed = refusalOf(world.ws("adminKey").events.stream(shared.id).next());
    await world.setPermission("reader", null);
    await world.revokeAdminKey();
    expect(await reader).toMatchObject({ code: "NOT_FOUND", message: "Workspace not found" });
    expect(await keyed).toMatchObject({ code: "UNAUTHORIZED" });
    expect(await collect(sessions.list())).toHaveLength(1);
  },

  async "a stream and a wait end with a grant that ends by the clock"(world) {
    const { agents, sessions, events } = world.ws("admin");
    const agent = await agents.create({ name: "Hidden", visibility: "restricted", isolationLevel: "workspace" });
    const { id } = await sessions.create({ agentId: agent.id });
    await events.append(id, says("0"));
    const expiresAt = new Date((await world.as("admin").health()).timestamp.getTime() + 3_600_000);
    await agents.grants.set(agent.id, world.userIds.reader, { level: "view", expiresAt });
    const reader = world.ws("reader").events;
    const stream = reader.stream(id);
    expect((await stream.next()).value).toMatchObject({ offset: 0 });
    const ends = [refusalOf(stream.next()), refusalOf(reader.list(id, { minOffset: 1, waitSeconds: 20 }))];
    // Both wait by then: they are answered for as long as the grant holds.
    expect(await reader.list(id, { minOffset: 1, waitSeconds: 1 })).toMatchObject({ data: [], nextOffset: 1 });
    world.forward(3_600_001);
    for (const end of ends) expect(await end).toMatchObject({ code: "NOT_FOUND", message: "Session not found" });
    expect(await events.list(id)).toMatchObject({ nextOffset: 1 });
  },
};
