import { describe, expect, test } from "vitest";
import { internalHeaders } from "../../support/internal.ts";
import { openDependencies } from "../../support/open-dependencies.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import { makeSessionWorld, says } from "../sessions/fixture.ts";

const { database, dependencies } = await openDependencies();

async function opened() {
  const made = await makeSessionWorld(database, dependencies);
  const { id: sessionId } = await made.open(made.writer);
  const ref = { workspaceId: made.workspaceId, sessionId };
  return { ...made, ref, events: made.as(made.writer).events };
}

test("events of every kind are appended in their order and come back as they were given", async () => {
  const { ref, events, as, writer } = await opened();
  const message = { ...says("Bonjour \u{1f600}"), metadata: { channel: "web" }, traceId: "trace-1" };
  const tool = {
    kind: "tool" as const,
    source: "ai_agent" as const,
    data: {
      tool_calls: [{ tool_id: "crm:find", arguments: { id: 7 }, result: { data: { found: true }, control: { mode: "auto" } } }],
    },
  };
  const status = {
    kind: "status" as const,
    source: "ai_agent" as const,
    data: { status: "processing" as const, data: { stage: "x" } },
  };
  const custom = { kind: "custom" as const, source: "system" as const, data: { nested: [{ any: null }], n: 1.5 } };
  const appended = await events.append({ ...ref, events: [message, tool, status, custom] });
  expect(appended.data).toMatchObject([
    { ...message, offset: 0, sessionId: ref.sessionId },
    { ...tool, offset: 1, metadata: {}, traceId: "test" },
    { ...status, offset: 2 },
    { ...custom, offset: 3 },
  ]);
  expect(appended.nextOffset).toBe(4);
  expect(await events.list(ref)).toEqual(appended);
  expect(await as(writer).sessions.get(ref)).toMatchObject({ eventCount: 4, messageCount: 1 });
});

test.each([
  ["a message without its text", { kind: "message", source: "customer", data: {} }],
  ["a status of no known name", { kind: "status", source: "system", data: { status: "happy" } }],
  ["a tool's data on a message", { kind: "message", source: "customer", data: { tool_calls: [] } }],
  ["a source that is none", { kind: "custom", source: "nobody", data: {} }],
  ["data beyond 64 KiB", { kind: "custom", source: "system", data: { text: "x".repeat(65_536) } }],
  ["an unknown key beside the data", { ...says("Hi"), offset: 7 }],
  ["a NUL character", says("Hi\0")],
])("%s is refused, and the good events beside it are not appended", async (_, bad) => {
  const { ref, events } = await opened();
  await expect(events.append({ ...ref, events: [says("good"), bad as never] })).rejects.toMatchObject({ code: "BAD_REQUEST" });
  expect(await events.list(ref)).toMatchObject({ data: [], nextOffset: 0 });
});

test("100 events are appended at once, and 101 or none are refused", async () => {
  const { ref, events } = await opened();
  const many = Array.from({ length: 101 }, (_, index) => says(`message ${index}`));
  for (const list of [many, []]) {
    await expect(events.append({ ...ref, events: list })).rejects.toMatchObject({ code: "BAD_REQUEST" });
  }
  expect((await events.append({ ...ref, events: many.slice(1) })).nextOffset).toBe(100);
  expect((await events.list({ ...ref, minOffset: 50, limit: 100 })).data.map(({ offset }) => offset)).toEqual(
    Array.from({ length: 50 }, (_, index) => 50 + index),
  );
});

test("offsets have no gap and no event is lost or doubled, however many write at once, with keys and without", async () => {
  const { ref, as, writer, statsOf } = await opened();
  const WRITERS = 12;
  const EACH = 8;
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writerNumber) => {
      for (let index = 0; index < EACH; index++) {
        const text = `${writerNumber} ${index}`;
        const { events } = as(writer, index % 4 === 3 ? { "idempotency-key": text } : {});
        await events.append({ ...ref, events: [says(text)] });
      }
    }),
  );
  const first = await as(writer).events.list({ ...ref, limit: 100 });
  expect(first.data.map(({ offset }) => offset)).toEqual(Array.from({ length: WRITERS * EACH }, (_, index) => index));
  expect(new Set(first.data.map(({ data }) => data["message"])).size).toBe(WRITERS * EACH);
  expect(await statsOf()).toMatchObject({ totalMessages: WRITERS * EACH });
});

test("an append under the same key is made once; with other events it is refused", async () => {
  const { ref, as, writer } = await opened();
  const { events } = as(writer, { "idempotency-key": "k" });
  const appended = await events.append({ ...ref, events: [says("once")] });
  expect(await events.append({ ...ref, events: [says("once")] })).toEqual(appended);
  await expect(events.append({ ...ref, events: [says("other")] })).rejects.toMatchObject({ code: "CONFLICT" });
  expect((await events.list(ref)).nextOffset).toBe(1);
});

test("an append that is repeated under its key is answered for no session that is not the caller's any more", async () => {
  const { ref, agentId, writer, admin, as } = await opened();
  const { events } = as(writer, { "idempotency-key": "k" });
  const first = { ...ref, events: [says("once")] };
  const answer = await events.append(first);
  const grants = as(admin).agents.grants;
  const grantee = { workspaceId: ref.workspaceId, agentId, userId: writer.id };
  await grants.set({ ...grantee, level: "none" });
  await expect(events.append(first)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await grants.remove(grantee);
  // Control: it is the session that is not the caller's, and not the key that is used up.
  expect(await events.append(first)).toEqual(answer);
  await as(admin).sessions.delete(ref);
  await expect(events.append(first)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("kinds and limits leave out events and nextOffset goes on behind them", async () => {
  const { ref, events } = await opened();
  const status = { kind: "status" as const, source: "ai_agent" as const, data: { status: "typing" as const } };
  await events.append({ ...ref, events: [says("a"), status, status, says("b"), status] });
  const messages = await events.list({ ...ref, kinds: ["message"], limit: 1 });
  expect(messages).toMatchObject({ data: [{ offset: 0 }], nextOffset: 1 });
  expect(await events.list({ ...ref, kinds: ["message"], limit: 1, minOffset: 1 })).toMatchObject({
    data: [{ offset: 3 }],
    nextOffset: 4,
  });
  expect(await events.list({ ...ref, kinds: ["message"], minOffset: 4 })).toMatchObject({ data: [], nextOffset: 5 });
  expect(await events.list({ ...ref, minOffset: 99 })).toMatchObject({ data: [], nextOffset: 99 });
});

describe("waiting", () => {
  test("ends with the first event that is asked for", async () => {
    const { ref, events } = await opened();
    const waiting = events.list({ ...ref, kinds: ["message"], waitSeconds: 25 });
    await events.append({ ...ref, events: [{ kind: "status", source: "ai_agent", data: { status: "typing" } }] });
    await events.append({ ...ref, events: [says("here")] });
    expect(await waiting).toMatchObject({ data: [{ offset: 1, kind: "message" }], nextOffset: 2 });
  });

  test("ends where another instance appended and nobody was told", async () => {
    const { ref, events, writer } = await opened();
    const silent = await createTestDependencies(database.appUrl);
    try {
      const waiting = events.list({ ...ref, waitSeconds: 25 });
      await callerWith(silent, writer.headers).workspaces.events.append({ ...ref, events: [says("unheard")] });
      expect(await waiting).toMatchObject({ data: [{ offset: 0 }], nextOffset: 1 });
    } finally {
      await silent.close();
    }
  });

  test("ends with nothing once the time is up", async () => {
    const { ref, events } = await opened();
    expect(await events.list({ ...ref, waitSeconds: 1 })).toMatchObject({ data: [], nextOffset: 0 });
  });

  test("ends with nothing when the server closes", async () => {
    const { ref, writer } = await opened();
    const closing = await createTestDependencies(database.appUrl);
    try {
      const waiting = callerWith(closing, writer.headers).workspaces.events.list({ ...ref, waitSeconds: 25 });
      closing.services.sessionWakes.close();
      expect(await waiting).toMatchObject({ data: [], nextOffset: 0 });
    } finally {
      await closing.close();
    }
  });

  test("ends with the permission", async () => {
    const { ref, events, workspaceId, writer } = await opened();
    const waiting = events.list({ ...ref, waitSeconds: 25 });
    await Promise.all([
      expect(waiting).rejects.toMatchObject({ code: "NOT_FOUND" }),
      database.owner.query("delete from permissions where user_id = $1 and entity_id = $2", [writer.id, workspaceId]),
    ]);
  });
});

test("a poll waits no longer than its credential is good", async () => {
  const { ref, events, writer } = await opened();
  const polling = callerWith(dependencies, await internalHeaders(writer.id, "2s")).workspaces.events.list({
    ...ref,
    waitSeconds: 25,
  });
  const ended = polling.then(({ data }) => data.length);
  const isEarly = await Promise.race([ended.then(() => true), new Promise((resolve) => setTimeout(resolve, 8_000, false))]);
  await events.append({ ...ref, events: [says("too late")] });
  expect([isEarly, await ended]).toEqual([true, 0]);
});
