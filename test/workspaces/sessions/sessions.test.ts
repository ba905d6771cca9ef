import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { readTrail } from "../../support/audit-trail.ts";
import { createMovableClock } from "../../support/clock.ts";
import { makeApiKey } from "../../support/database.ts";
import { openDependencies } from "../../support/open-dependencies.ts";
import { makeSessionWorld, says } from "./fixture.ts";

const clock = createMovableClock();
const { database, dependencies } = await openDependencies({}, clock);

const world = (agent: { isolationLevel?: "workspace" } = {}) => makeSessionWorld(database, dependencies, agent);
const NOT_FOUND = { code: "NOT_FOUND" };
const conflict = (code: string) => ({ code: "CONFLICT", cause: { details: { code } } });

test("a session is opened with every default, read back, and counted with its agent", async () => {
  const { workspaceId, agentId, writer, as, open, statsOf } = await world();
  const session = await open(writer);
  expect(session).toMatchObject({
    workspaceId,
    agentId,
    userId: writer.id,
    createdByKeyId: null,
    customerId: "guest",
    title: null,
    mode: "auto",
    status: "active",
    metadata: {},
    tags: [],
    eventCount: 0,
    messageCount: 0,
    endedAt: null,
    isolation: { workspaceId, verified: true },
  });
  expect(await as(writer).sessions.get({ workspaceId, sessionId: session.id })).toEqual(session);
  expect(await statsOf()).toEqual({ totalSessions: 1, totalMessages: 0, lastActiveAt: session.createdAt });
  await as(writer).events.append({ workspaceId, sessionId: session.id, events: [says("Hi"), says("there")] });
  await open(writer);
  expect(await statsOf()).toMatchObject({ totalSessions: 2, totalMessages: 2 });
  const { data } = await as(writer).agents.list({ workspaceId });
  expect(data.map(({ stats }) => stats)).toEqual([await statsOf()]);
});

test("a reader cannot open a session and is told so, and nothing is written", async () => {
  const { workspaceId, reader, admin, as, open, statsOf } = await world();
  await expect(open(reader)).rejects.toMatchObject({
    code: "FORBIDDEN",
    cause: { details: { code: "INSUFFICIENT_AGENT_LEVEL", required: "interact", actual: "view" } },
  });
  expect((await as(admin).sessions.list({ workspaceId })).data).toEqual([]);
  expect(await statsOf()).toEqual({ totalSessions: 0, totalMessages: 0, lastActiveAt: null });
});

test("with a strict agent a session is its opener's and the managers', and is absent for everyone else", async () => {
  const { workspaceId, agentId, admin, writer, reader, as, open } = await world();
  await as(admin).agents.grants.set({ workspaceId, agentId, userId: reader.id, level: "interact" });
  const [ofWriter, ofReader] = [await open(writer), await open(reader)];
  const seenBy = async (user: typeof admin) => (await as(user).sessions.list({ workspaceId })).data.map(({ id }) => id).sort();
  expect(await seenBy(admin)).toEqual([ofWriter.id, ofReader.id].sort());
  expect(await seenBy(writer)).toEqual([ofWriter.id]);
  expect(await seenBy(reader)).toEqual([ofReader.id]);
  const hidden = { workspaceId, sessionId: ofWriter.id };
  const absent = { workspaceId, sessionId: randomUUID() };
  for (const ref of [hidden, absent]) {
    const { sessions, events } = as(reader);
    await expect(sessions.get(ref)).rejects.toMatchObject({ ...NOT_FOUND, message: "Session not found" });
    await expect(sessions.update({ ...ref, title: "Mine" })).rejects.toMatchObject(NOT_FOUND);
    await expect(sessions.delete(ref)).rejects.toMatchObject(NOT_FOUND);
    await expect(events.append({ ...ref, events: [says("Hi")] })).rejects.toMatchObject(NOT_FOUND);
    await expect(events.list(ref)).rejects.toMatchObject(NOT_FOUND);
  }
  expect(await as(writer).sessions.get(hidden)).toEqual(ofWriter);
});

test("with a strict agent its numbers are of the sessions that the caller sees, in each answer; its managers' are of all", async () => {
  const { workspaceId, agentId, admin, writer, reader, as, open, statsOf } = await world();
  const session = await open(writer);
  await as(writer).events.append({ workspaceId, sessionId: session.id, events: [says("Hi"), says("there")] });
  const key = { headers: { "x-api-key": (await makeApiKey(database.owner, { userId: admin.id, workspaceId })).plain } };
  await open(key);
  const seenBy = async (user: Pick<typeof admin, "headers">) => {
    const { agents } = as(user);
    const { stats } = await agents.get({ workspaceId, agentId });
    expect((await agents.list({ workspaceId })).data.map((agent) => agent.stats)).toEqual([stats]);
    return stats;
  };
  expect(await seenBy(reader)).toEqual({ totalSessions: 0, totalMessages: 0, lastActiveAt: null });
  expect(await seenBy(writer)).toMatchObject({ totalSessions: 1, totalMessages: 2 });
  expect(await seenBy(key)).toMatchObject({ totalSessions: 1, totalMessages: 0 });
  expect((await as(writer).agents.update({ workspaceId, agentId, description: "Helps" })).stats).toEqual(await seenBy(writer));
  expect(await statsOf()).toMatchObject({ totalSessions: 2, totalMessages: 2 });
  // Control: what is shared is in everybody's numbers.
  await as(admin).agents.update({ workspaceId, agentId, isolationLevel: "workspace" });
  expect(await seenBy(reader)).toEqual(await seenBy(admin));
  expect(await seenBy(reader)).toEqual(await statsOf());
});

test("with a sharing agent everyone who sees it sees its sessions, and only the opener and managers delete one", async () => {
  const { workspaceId, admin, writer, reader, as, open } = await world({ isolationLevel: "workspace" });
  const session = await open(admin);
  const ref = { workspaceId, sessionId: session.id };
  expect(await as(reader).sessions.get(ref)).toEqual(session);
  await expect(as(reader).sessions.update({ ...ref, title: "Mine" })).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(await as(writer).sessions.update({ ...ref, title: "Ours" })).toMatchObject({ title: "Ours" });
  await expect(as(writer).sessions.delete(ref)).rejects.toMatchObject({
    code: "FORBIDDEN",
    cause: { details: { required: "manage", actual: "configure" } },
  });
  expect(await as(admin).sessions.delete(ref)).toMatchObject({ id: session.id });
});

test("a session of a workspace key is the key's own, and no other key's", async () => {
  const { workspaceId, agentId, admin, writer, as } = await world();
  const [key, other] = [
    await makeApiKey(database.owner, { userId: admin.id, workspaceId }),
    await makeApiKey(database.owner, { userId: admin.id, workspaceId }),
  ];
  const by = ({ plain }: { plain: string }) => as({ headers: { "x-api-key": plain } });
  const session = await by(key).sessions.create({ workspaceId, agentId });
  expect(session).toMatchObject({ userId: null, createdByKeyId: key.id });
  const ref = { workspaceId, sessionId: session.id };
  expect((await by(key).events.append({ ...ref, events: [says("Hi")] })).nextOffset).toBe(1);
  for (const stranger of [by(other), as(writer)]) {
    await expect(stranger.sessions.get(ref)).rejects.toMatchObject(NOT_FOUND);
    expect((await stranger.sessions.list({ workspaceId })).data).toEqual([]);
  }
});

test("no session is opened with an agent that is not active, and archiving one completes its sessions", async () => {
  const { workspaceId, agentId, admin, writer, as, open } = await world();
  const [active, abandoned] = [await open(writer), await open(writer)];
  const get = (sessionId: string) => as(writer).sessions.get({ workspaceId, sessionId });
  await as(writer).sessions.update({ workspaceId, sessionId: abandoned.id, status: "abandoned" });
  await as(admin).agents.update({ workspaceId, agentId, status: "inactive" });
  await expect(open(writer)).rejects.toMatchObject(conflict("AGENT_NOT_ACTIVE"));
  expect(await get(active.id)).toMatchObject({ status: "active" });

  await as(admin).agents.update({ workspaceId, agentId, status: "archived" });
  await expect(open(writer)).rejects.toMatchObject(conflict("AGENT_NOT_ACTIVE"));
  expect(await get(active.id)).toMatchObject({ status: "completed", endedAt: expect.any(Date) });
  expect(await get(abandoned.id)).toMatchObject({ status: "abandoned" });
  const post = (sessionId: string) => as(writer).events.append({ workspaceId, sessionId, events: [says("Hello?")] });
  await expect(post(active.id)).rejects.toMatchObject(conflict("SESSION_COMPLETED"));
  await expect(post(abandoned.id)).rejects.toMatchObject(conflict("AGENT_NOT_ACTIVE"));
  const reopen = () => as(writer).sessions.update({ workspaceId, sessionId: active.id, status: "active" });
  await expect(reopen()).rejects.toMatchObject(conflict("AGENT_NOT_ACTIVE"));

  await as(admin).agents.update({ workspaceId, agentId, status: "active" });
  expect(await reopen()).toMatchObject({ status: "active", endedAt: null });
  expect(await post(active.id)).toMatchObject({ nextOffset: 1 });
});

test("a deleted agent's sessions are completed and gone for everyone, and there again once it is restored", async () => {
  const { workspaceId, agentId, admin, writer, as, open } = await world();
  const { id: sessionId } = await open(writer);
  await as(admin).agents.delete({ workspaceId, agentId });
  for (const user of [admin, writer]) {
    await expect(as(user).sessions.get({ workspaceId, sessionId })).rejects.toMatchObject(NOT_FOUND);
    expect((await as(user).sessions.list({ workspaceId })).data).toEqual([]);
  }
  await as(admin).agents.restore({ workspaceId, agentId });
  expect(await as(writer).sessions.get({ workspaceId, sessionId })).toMatchObject({ status: "completed" });
});

test("an abandoned session is active again with its next event; a completed one only when it is made so", async () => {
  const { workspaceId, writer, as, open } = await world();
  const { id: sessionId } = await open(writer);
  const ref = { workspaceId, sessionId };
  await as(writer).events.append({ ...ref, events: [says("one")] });
  await as(writer).sessions.update({ ...ref, status: "abandoned" });
  expect(await as(writer).events.append({ ...ref, events: [says("two")] })).toMatchObject({ nextOffset: 2 });
  expect(await as(writer).sessions.get(ref)).toMatchObject({ status: "active", endedAt: null, eventCount: 2 });
  await as(writer).sessions.update({ ...ref, status: "completed" });
  await expect(as(writer).events.append({ ...ref, events: [says("three")] })).rejects.toMatchObject(
    conflict("SESSION_COMPLETED"),
  );
  expect(await as(writer).sessions.get(ref)).toMatchObject({ status: "completed", eventCount: 2 });
});

test("a deleted session is gone for good with its events, and counts no longer", async () => {
  const { workspaceId, writer, as, open, statsOf } = await world();
  const [gone, kept] = [await open(writer), await open(writer)];
  for (const { id: sessionId } of [gone, kept]) {
    await as(writer).events.append({ workspaceId, sessionId, events: [says("Hi"), says("there")] });
  }
  await as(writer).sessions.delete({ workspaceId, sessionId: gone.id });
  await expect(as(writer).sessions.get({ workspaceId, sessionId: gone.id })).rejects.toMatchObject(NOT_FOUND);
  expect(await statsOf()).toMatchObject({ totalSessions: 1, totalMessages: 2 });
  expect((await as(writer).events.list({ workspaceId, sessionId: kept.id })).data).toHaveLength(2);
});

test("every change leaves its audit row; opening again under the same key opens nothing", async () => {
  const { workspaceId, agentId, writer, as } = await world();
  const keyed = as(writer, { "idempotency-key": "once" }).sessions;
  const session = await keyed.create({ workspaceId, agentId, title: "Refund" });
  expect(await keyed.create({ workspaceId, agentId, title: "Refund" })).toEqual(session);
  await expect(keyed.create({ workspaceId, agentId, title: "Other" })).rejects.toMatchObject(conflict("IDEMPOTENCY_KEY_REUSED"));
  const ref = { workspaceId, sessionId: session.id };
  await as(writer).sessions.update({ ...ref, title: null, tags: ["vip"] });
  await as(writer).sessions.update({ ...ref, tags: ["vip"] });
  await as(writer).events.append({ ...ref, events: [says("secret words")] });
  await as(writer).sessions.delete(ref);
  const trail = (await readTrail(database, workspaceId)).filter(({ action }) => !action.startsWith("agent."));
  expect(trail).toMatchObject([
    { action: "session.create", target_kind: "session", target_id: session.id, actor_id: writer.id, rule: "agent:interact" },
    { action: "session.update", before: { title: "Refund", tags: [] }, after: { title: null, tags: ["vip"] } },
    { action: "event.append", target_kind: "session", target_id: session.id, actor_id: writer.id, rule: "agent:interact" },
    { action: "session.delete", before: { eventCount: 1 } },
  ]);
  expect(JSON.stringify(trail)).not.toContain("secret words");
});

test("a list is filtered, ordered and continued", async () => {
  const { workspaceId, agentId, admin, as, open } = await world();
  const { id: otherId } = await as(admin).agents.create({ workspaceId, name: "Sales" });
  const opened: string[] = [];
  for (let index = 0; index < 7; index++) {
    clock.forward(1_000);
    opened.push((await open(admin, { customerId: `c${index % 2}`, mode: index === 3 ? "manual" : "auto" })).id);
  }
  await as(admin).sessions.create({ workspaceId, agentId: otherId });
  const list = async (filter: object) => (await as(admin).sessions.list({ workspaceId, ...filter })).data.map(({ id }) => id);
  expect(await list({ agentId })).toEqual(opened.toReversed());
  expect(await list({ agentId, sortBy: "createdAt", sortOrder: "asc" })).toEqual(opened);
  expect(await list({ customerId: "c1", sortOrder: "asc" })).toEqual([1, 3, 5].map((index) => opened[index]));
  expect(await list({ mode: "manual" })).toEqual([opened[3]]);
  expect(await list({ userId: "nobody" })).toEqual([]);
  clock.forward(1_000);
  const from = new Date(clock.now());
  await as(admin).events.append({ workspaceId, sessionId: opened[0] ?? "", events: [says("again")] });
  expect(await list({ from })).toEqual([opened[0]]);
  expect(await list({ to: new Date(from.getTime() - 1), agentId })).toEqual(opened.slice(1).toReversed());
  const paged: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await as(admin).sessions.list({ workspaceId, agentId, limit: 2, ...(cursor && { cursor }) });
    paged.push(...page.data.map(({ id }) => id));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  expect(paged).toEqual([opened[0], ...opened.slice(1).toReversed()]);
});
