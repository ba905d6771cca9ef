import { expect, test } from "vitest";
import type { Dependencies } from "../../../server/dependencies.ts";
import { createEventHub } from "../../../server/workspaces/events/event-hub.ts";
import { openDependencies } from "../../support/open-dependencies.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import type { TestUser } from "../../support/workspace.ts";
import { says } from "../sessions/fixture.ts";
import { openedOn, openStreamOn, type StreamInput, take } from "./stream-reader.ts";

const { database, dependencies } = await openDependencies();

const opened = (agent: { isolationLevel?: "workspace" } = {}) => openedOn(database, dependencies, agent);
const openStream = (user: Pick<TestUser, "headers">, input: StreamInput, on: Dependencies = dependencies) =>
  openStreamOn(on, user, input);

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

test("one that has gone before it began to read takes no room", async () => {
  const { ref, writer } = await opened();
  const { services } = dependencies;
  const eventHub = createEventHub({
    ...{ decide: async () => new Map(), wakes: services.sessionWakes, hints: services.hints },
    maxStreamsPerPrincipal: 1,
  });
  const on = { ...dependencies, services: { ...services, eventHub } };
  const gone = new AbortController();
  gone.abort();
  await openStreamOn(on, writer, ref, gone);
  const next = await openStream(writer, ref, on);
  // Control: that one takes it.
  await expect(openStream(writer, ref, on)).rejects.toMatchObject({ code: "TOO_MANY_REQUESTS" });
  next.close();
  eventHub.close();
});
