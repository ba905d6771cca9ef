import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dependencies } from "../../../server/dependencies.ts";
import { createEventHub } from "../../../server/workspaces/events/event-hub.ts";
import type { EventReader } from "../../../server/workspaces/events/event-reader.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { internalHeaders } from "../../support/internal.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import type { TestUser } from "../../support/workspace.ts";
import { makeSessionWorld, says } from "../sessions/fixture.ts";
import { openStreamOn, type StreamInput, take } from "./stream-reader.ts";

let database: TestDatabase;
let dependencies: Dependencies;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl);
});

afterAll(async () => {
  await dependencies?.close();
  await database?.drop();
});

async function opened(agent: { isolationLevel?: "workspace" } = {}) {
  const made = await makeSessionWorld(database, dependencies, agent);
  const { id: sessionId } = await made.open(made.writer);
  const ref = { workspaceId: made.workspaceId, sessionId };
  const append = (...texts: string[]) => made.as(made.writer).events.append({ ...ref, events: texts.map(says) });
  return { ...made, ref, append };
}

const openStream = (user: Pick<TestUser, "headers">, input: StreamInput, on: Dependencies = dependencies) =>
  openStreamOn(on, user, input);

const revoke = (userId: string, workspaceId: string) =>
  database.owner.query("delete from permissions where user_id = $1 and entity_id = $2", [userId, workspaceId]);

test("a stream gives what is there and what comes, from where it is told to, each once and in order", async () => {
  const { ref, append, writer } = await opened();
  await append("a", "b");
  const fromTheStart = await openStream(writer, ref);
  const later = await openStream(writer, { ...ref, fromOffset: 1 });
  const resumed = await openStream(writer, { ...ref, fromOffset: 0, lastEventId: "0" });
  expect(await take(fromTheStart, 2)).toEqual(["0 a", "1 b"]);
  expect(await take(later, 1)).toEqual(["1 b"]);
  await append("c");
  await append("d");
  for (const stream of [fromTheStart, later]) expect(await take(stream, 2)).toEqual(["2 c", "3 d"]);
  expect(await take(resumed, 3)).toEqual(["1 b", "2 c", "3 d"]);
  for (const stream of [fromTheStart, later, resumed]) stream.close();
  expect(await fromTheStart.next()).toBe("the end");
  await expect.poll(() => dependencies.services.eventHub.size()).toBe(0);
});

test("a slow reader finds all that came meanwhile, and one that asks for a kind gets that alone", async () => {
  const { ref, append, writer, as } = await opened();
  const slow = await openStream(writer, ref);
  const messages = await openStream(writer, { ...ref, kinds: ["message"] });
  const first = slow.next();
  await append("0");
  expect(await first).toBe("0 0");
  await as(writer).events.append({ ...ref, events: [{ kind: "status", source: "ai_agent", data: { status: "typing" } }] });
  for (let offset = 2; offset < 62; offset++) await append(String(offset));
  expect(await take(slow, 61)).toEqual(["1 status", ...Array.from({ length: 60 }, (_, index) => `${index + 2} ${index + 2}`)]);
  expect(await take(messages, 2)).toEqual(["0 0", "2 2"]);
  slow.close();
  messages.close();
});

test("an event of another instance comes although nobody tells of it", async () => {
  const { ref, writer } = await opened();
  const silent = await createTestDependencies(database.appUrl);
  const stream = await openStream(writer, ref);
  try {
    const next = stream.next();
    await callerWith(silent, writer.headers).workspaces.events.append({ ...ref, events: [says("unheard")] });
    expect(await next).toBe("0 unheard");
  } finally {
    stream.close();
    await silent.close();
  }
});

test("many readers of a session share one read of its events", async () => {
  const { ref, append, writer } = await opened();
  const { services } = dependencies;
  const others: number[] = [];
  const eventHub = createEventHub({
    async decide(readers) {
      others.push(readers.length);
      return new Map(readers.map((reader) => [reader, 0]));
    },
    ...{ wakes: services.sessionWakes, hints: services.hints },
  });
  const on = { ...dependencies, services: { ...services, eventHub } };
  const streams = await Promise.all(Array.from({ length: 20 }, () => openStream(writer, ref, on)));
  const first = streams.map((stream) => stream.next());
  await expect.poll(() => eventHub.size()).toBe(20);
  // Behind it all have made their own first looks and wait at one place.
  await append("0");
  expect(new Set(await Promise.all(first))).toEqual(new Set(["0 0"]));
  const second = streams.map((stream) => stream.next());
  others.length = 0;
  await append("1");
  expect(new Set(await Promise.all(second))).toEqual(new Set(["1 1"]));
  // One read for itself, and what it found was for nineteen others.
  expect(others.filter((count) => count < 20)).toEqual([19]);
  for (const stream of streams) stream.close();
  eventHub.close();
});

describe("a stream ends, where no event comes, with", () => {
  const ENDS: Record<string, { code: string; end(world: Awaited<ReturnType<typeof opened>>): Promise<unknown> }> = {
    "the permission": { code: "NOT_FOUND", end: ({ writer, workspaceId }) => revoke(writer.id, workspaceId) },
    "the session of the user": {
      code: "UNAUTHORIZED",
      end: ({ writer }) => database.owner.query("delete from session where user_id = $1", [writer.id]),
    },
    "the workspace": {
      code: "NOT_FOUND",
      end: ({ workspaceId }) => database.owner.query("update workspace set archived_at = now() where id = $1", [workspaceId]),
    },
    "the agent": {
      code: "NOT_FOUND",
      end: ({ as, admin, workspaceId, agentId }) => as(admin).agents.delete({ workspaceId, agentId }),
    },
    "the sight of the agent": {
      code: "NOT_FOUND",
      end: ({ as, admin, workspaceId, agentId, writer }) =>
        as(admin).agents.grants.set({ workspaceId, agentId, userId: writer.id, level: "none" }),
    },
    "the session that it reads": { code: "NOT_FOUND", end: ({ as, writer, ref }) => as(writer).sessions.delete(ref) },
  };

  test.each(Object.entries(ENDS))("%s", async (_, { code, end }) => {
    const world = await opened();
    const stream = await openStream(world.writer, world.ref);
    const next = stream.next();
    await Promise.all([expect(next).rejects.toMatchObject({ code }), end(world)]);
  });
});

test("a stream of another's session ends when the agent no longer shares its sessions, and goes on for the opener", async () => {
  const { ref, append, as, admin, writer, reader, workspaceId, agentId } = await opened({ isolationLevel: "workspace" });
  const own = await openStream(writer, ref);
  const others = await openStream(reader, ref);
  const [ownNext, othersNext] = [own.next(), others.next()];
  await Promise.all([
    expect(othersNext).rejects.toMatchObject({ code: "NOT_FOUND" }),
    as(admin).agents.update({ workspaceId, agentId, isolationLevel: "strict" }),
  ]);
  await append("still");
  expect(await ownNext).toBe("0 still");
  own.close();
});

test("a stream ends with its credential, though what that one stands for goes on", async () => {
  const { ref, append, writer } = await opened();
  const stream = await openStream({ headers: await internalHeaders(writer.id, "2s") }, ref);
  const first = stream.next();
  await append("in time");
  expect(await first).toBe("0 in time");
  await expect(stream.next()).rejects.toMatchObject({ code: "UNAUTHORIZED", cause: { details: { code: "STREAM_RESUMABLE" } } });
  await append("too late");
  // The control: without an end of its own, the credential of the same user reads on.
  const lasting = await openStream(writer, ref);
  expect(await take(lasting, 2)).toEqual(["0 in time", "1 too late"]);
  lasting.close();
});

test("a permission that changed and was not lost does not end a stream", async () => {
  const { ref, append, writer, workspaceId } = await opened();
  const stream = await openStream(writer, ref);
  const next = stream.next();
  await database.owner.query("update permissions set permission_type = 'admin' where user_id = $1 and entity_id = $2", [
    writer.id,
    workspaceId,
  ]);
  await dependencies.services.eventHub.decideAll();
  await append("on");
  expect(await next).toBe("0 on");
  stream.close();
});

describe("nothing reaches a reader by a read that began after the end of its permission", () => {
  const everyone = async (readers: readonly EventReader[]) => new Map(readers.map((reader) => [reader, 0]));

  /** What a reader gets of an event that was appended after its permission had ended, beside another who reads on. */
  async function afterTheEnd(on: Dependencies): Promise<string> {
    const { ref, admin, reader, writer, workspaceId } = await opened({ isolationLevel: "workspace" });
    const append = (text: string) => callerWith(on, writer.headers).workspaces.events.append({ ...ref, events: [says(text)] });
    const kept = await openStream(admin, ref, on);
    const keptFirst = kept.next();
    await expect.poll(() => on.services.eventHub.size()).toBe(1);
    const lost = await openStream(reader, ref, on);
    const lostFirst = lost.next();
    await expect.poll(() => on.services.eventHub.size()).toBe(2);
    // Behind it each has made its own first look, and the one that reads on is the first to wait.
    await append("for both");
    expect(await Promise.all([keptFirst, lostFirst])).toEqual(["0 for both", "0 for both"]);
    const keptNext = kept.next();
    const lostNext = lost.next().catch((error: { code: string }) => error.code);
    await revoke(reader.id, workspaceId);
    await append("secret");
    expect(await keptNext).toBe("1 secret");
    const outcome = await lostNext;
    kept.close();
    lost.close();
    return outcome;
  }

  test("not beside others who may read on", async () => {
    expect(await afterTheEnd(dependencies)).toBe("NOT_FOUND");
  });

  test("control: without the second decision it gets what it must not", async () => {
    const { services } = dependencies;
    const eventHub = createEventHub({ decide: everyone, wakes: services.sessionWakes, hints: services.hints });
    const on = { ...dependencies, services: { ...services, eventHub } };
    // A look of its own behind the end, which a second ring of the bell for both may bring about, is refused by the guard.
    await expect.poll(() => afterTheEnd(on), { timeout: 20_000 }).toBe("1 secret");
    eventHub.close();
  });

  test("control: without it a silent stream outlives the permission", async () => {
    const { services } = dependencies;
    const eventHub = createEventHub({ decide: everyone, wakes: services.sessionWakes, hints: services.hints });
    const { ref, writer, workspaceId } = await opened();
    const stream = await openStream(writer, ref, { ...dependencies, services: { ...services, eventHub } });
    let isOver = false;
    const next = stream.next().finally(() => {
      isOver = true;
    });
    await expect.poll(() => eventHub.size()).toBe(1);
    // Behind the reader's own first look, which finds nothing.
    await new Promise(setImmediate);
    await eventHub.decideAll();
    expect(isOver).toBe(false);
    await revoke(writer.id, workspaceId);
    stream.close();
    expect(await next.catch((error: { code: string }) => error.code)).toMatch(/the end|NOT_FOUND/);
    eventHub.close();
  });
});

test("a principal has so many streams at once, and room again for each that ended", async () => {
  const { ref, writer, admin } = await opened();
  const { services } = dependencies;
  const eventHub = createEventHub({
    ...{ decide: async () => new Map(), wakes: services.sessionWakes, hints: services.hints },
    maxStreamsPerPrincipal: 2,
  });
  const on = { ...dependencies, services: { ...services, eventHub } };
  const first = await openStream(writer, ref, on);
  const second = await openStream(writer, ref, on);
  await expect(openStream(writer, ref, on)).rejects.toMatchObject({ code: "TOO_MANY_REQUESTS" });
  const others = await openStream(admin, ref, on);
  first.close();
  const third = await openStream(writer, ref, on);
  await expect(openStream(writer, { ...ref, sessionId: crypto.randomUUID() }, on)).rejects.toMatchObject({
    code: "TOO_MANY_REQUESTS",
  });
  for (const stream of [second, third, others]) stream.close();
  await expect(openStream(writer, { ...ref, sessionId: crypto.randomUUID() }, on)).rejects.toMatchObject({ code: "NOT_FOUND" });
  eventHub.close();
});

test("a closing server ends its streams with the word that they can be resumed, and opens no other", async () => {
  const { ref, append, writer } = await opened();
  const closing = await createTestDependencies(database.appUrl);
  try {
    await append("0");
    const stream = await openStream(writer, ref, closing);
    expect(await stream.next()).toBe("0 0");
    const next = stream.next();
    closing.services.eventHub.close();
    const resumable = { code: "SERVICE_UNAVAILABLE", cause: { details: { code: "STREAM_RESUMABLE" } } };
    await expect(next).rejects.toMatchObject(resumable);
    await expect(openStream(writer, ref, closing)).rejects.toMatchObject(resumable);
  } finally {
    await closing.close();
  }
});
