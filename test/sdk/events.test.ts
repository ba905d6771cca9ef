import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { openQueue } from "../../client-sdk/src/event-queue.ts";
import { AbortedError, createClient, NotFoundError } from "../../client-sdk/src/index.ts";
import { makeApiKey } from "../support/database.ts";
import { internalHeaders } from "../support/internal.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type FakeServer, failure, result, startFakeServer } from "./fake-server.ts";
import { API_KEY, makeClient } from "./make-client.ts";
import { event, eventStream, readUntilRefused } from "./session-stream.ts";

let server: TestServer;
let fake: FakeServer;

beforeAll(async () => {
  server = await startTestServer();
  fake = await startFakeServer();
});
afterAll(async () => {
  await fake?.stop();
  await server?.stop();
});

const says = (message: string) => ({ kind: "message" as const, source: "customer" as const, data: { message } });

async function openSession() {
  const { id: workspaceId } = server.workspace;
  const ws = createClient({ baseUrl: server.url, apiKey: server.apiKey }).workspace(workspaceId);
  const agent = await ws.agents.create({ name: `Agent ${Math.random()}` });
  return { ws, session: await ws.sessions.create({ agentId: agent.id, title: "Refund" }) };
}

test("a session is opened, changed, found, appended to and deleted", async () => {
  const { ws, session } = await openSession();
  expect(session).toMatchObject({ title: "Refund", createdAt: expect.any(Date) });
  expect(await ws.sessions.update(session.id, { title: null })).toMatchObject({ title: null });
  const found: string[] = [];
  for await (const { id } of ws.sessions.list({ agentId: session.agentId })) found.push(id);
  expect(found).toEqual([session.id]);
  expect(await ws.events.append(session.id, says("one"))).toMatchObject({ nextOffset: 1 });
  expect(await ws.events.append(session.id, [says("two"), says("three")])).toMatchObject({ nextOffset: 3 });
  expect((await ws.events.list(session.id, { minOffset: 1 })).data.map(({ data }) => data["message"])).toEqual(["two", "three"]);
  await ws.sessions.delete(session.id);
  await expect(ws.sessions.get(session.id)).rejects.toBeInstanceOf(NotFoundError);
});

test("a stream gives what is there and what comes, each once, and ends with its signal", async () => {
  const { ws, session } = await openSession();
  await ws.events.append(session.id, [says("0"), says("1")]);
  const controller = new AbortController();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { offset } of ws.events.stream(session.id, { fromOffset: 1, signal: controller.signal })) {
      seen.push(offset);
      if (offset < 4) await ws.events.append(session.id, says(String(offset + 1)));
      else controller.abort();
    }
  })();
  await expect(reading).rejects.toBeInstanceOf(AbortedError);
  expect(seen).toEqual([1, 2, 3, 4]);
});

test("a stream ends where the session is deleted, and where the caller is no longer let in", async () => {
  const { ws, session } = await openSession();
  const first = ws.events.stream(session.id).next();
  await ws.sessions.delete(session.id);
  await expect(first).rejects.toBeInstanceOf(NotFoundError);
  const other = await openSession();
  const { plain, id } = await makeApiKey(server.database.owner, { userId: server.workspace.admin.id });
  const own = createClient({ baseUrl: server.url, apiKey: plain }).workspace(server.workspace.id);
  const next = own.events.stream(other.session.id).next();
  await Promise.all([
    expect(next).rejects.toMatchObject({ code: "UNAUTHORIZED" }),
    server.database.owner.query("delete from api_key where id = $1", [id]),
  ]);
});

test("a stream goes on under a new credential when its own has ended", async () => {
  const { ws, session } = await openSession();
  let asked = 0;
  const token = async () => {
    asked++;
    const { authorization = "" } = await internalHeaders(server.workspace.admin.id, "2s");
    return authorization.slice("Bearer ".length);
  };
  const own = createClient({ baseUrl: server.url, token }).workspace(server.workspace.id);
  const stream = own.events.stream(session.id);
  const first = stream.next();
  await ws.events.append(session.id, says("0"));
  expect((await first).value).toMatchObject({ offset: 0 });
  const second = stream.next();
  await expect.poll(() => asked, { timeout: 20_000 }).toBeGreaterThan(1);
  await ws.events.append(session.id, says("1"));
  expect((await second).value).toMatchObject({ offset: 1 });
  await stream.return();
});

const fromOffsets = () => fake.requests.map(({ input }) => (input as { fromOffset: number }).fromOffset);

test("a stream goes on from where it was when the connection breaks or the server is away", async () => {
  const urls: string[] = [];
  const client = makeClient({
    baseUrl: fake.url,
    fetch(url, init) {
      urls.push(url);
      return fetch(url, init);
    },
  });
  fake.answers(
    eventStream(0, 1),
    { failure: "drop" },
    failure(503, "SERVICE_UNAVAILABLE"),
    eventStream(),
    eventStream(2),
    failure(404, "NOT_FOUND"),
  );
  expect(await readUntilRefused(client.workspace("ws").events.stream("s"))).toEqual([0, 1, 2]);
  expect(fromOffsets()).toEqual([0, 2, 2, 2, 2, 3]);
  expect(new Set(fake.requests.map(({ headers }) => headers["x-api-key"]))).toEqual(new Set([API_KEY]));
  expect(urls.filter((url) => url.includes(API_KEY))).toEqual([]);
});

test("a reader that is slower than its stream has no more than so much waiting, and then goes on behind that", async () => {
  let push: (offset: number) => void = () => {};
  let subscriptions = 0;
  const queue = openQueue<{ offset: number }>(({ onData }) => {
    subscriptions++;
    push = (offset) => onData?.({ id: String(offset), data: { offset } });
    return { unsubscribe: () => subscriptions-- };
  }, {});
  for (let offset = 0; offset < 1_500; offset++) push(offset);
  expect(subscriptions).toBe(0);
  for (let offset = 0; offset < 1_000; offset++) expect(await queue.next()).toEqual({ offset });
  expect(await queue.next()).toBeUndefined();
});

test("the raw client subscribes, and is told the ids by which it could resume", async () => {
  const { ws, session } = await openSession();
  await ws.events.append(session.id, [says("0"), says("1")]);
  const { trpc } = createClient({ baseUrl: server.url, apiKey: server.apiKey });
  const ids = await new Promise<string[]>((resolve, reject) => {
    const received: string[] = [];
    const subscription = trpc.workspaces.events.stream.subscribe(
      { workspaceId: ws.id, sessionId: session.id, lastEventId: "0" },
      {
        onError: reject,
        onData({ id, data }) {
          received.push(`${id} ${data.isolation.verified} ${data.createdAt instanceof Date}`);
          subscription.unsubscribe();
          resolve(received);
        },
      },
    );
  });
  expect(ids).toEqual(["1 true true"]);
});

test("events are polled for where no stream comes through", async () => {
  fake.answers(
    { body: "<html>a page of a gateway</html>" },
    result({ data: [event(0), event(1)], nextOffset: 2 }),
    { failure: "drop" },
    failure(503, "SERVICE_UNAVAILABLE"),
    result({ data: [], nextOffset: 2 }),
    result({ data: [event(2)], nextOffset: 3 }),
    failure(404, "NOT_FOUND"),
  );
  const seen = await readUntilRefused(makeClient({ baseUrl: fake.url }).workspace("ws").events.stream("s"));
  expect(seen).toEqual([0, 1, 2]);
  const [, ...polls] = fake.requests.map(({ input }) => (input as { minOffset: number }).minOffset);
  expect(polls).toEqual([0, 2, 2, 2, 2, 3]);
});

test("a connection on which nothing comes any more, not even a sign of life, is left and taken up anew", async () => {
  const cancelled: number[] = [];
  let opened = 0;
  const client = makeClient({
    baseUrl: fake.url,
    fetch: async () => {
      const stream = ++opened;
      if (stream === 3) return new Response(JSON.stringify(failure(404, "NOT_FOUND").body), { status: 404 });
      const text = stream === 1 ? { reconnectAfterInactivityMs: 20 } : {};
      return new Response(
        new ReadableStream({
          start(controller) {
            const { body } = eventStream(stream - 1);
            controller.enqueue(new TextEncoder().encode(body.replace("data: {}", `data: ${JSON.stringify(text)}`)));
            if (stream === 2) controller.close();
          },
          cancel: () => void cancelled.push(stream),
        }),
        { headers: { "content-type": "text/event-stream" } },
      );
    },
  });
  expect(await readUntilRefused(client.workspace("ws").events.stream("s"))).toEqual([0, 1]);
  expect(cancelled).toContain(1);
});

test("a stream that begins and says nothing, since something on the way holds it back, is given up for polls", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const urls: string[] = [];
  const cancelled: string[] = [];
  const client = makeClient({
    baseUrl: "http://held-back.example",
    fetch: async (url) => {
      urls.push(new URL(url).pathname.replace(/.*\./, ""));
      if (urls.length === 1) {
        const held = new ReadableStream<Uint8Array>({ cancel: () => void cancelled.push("held") });
        return new Response(held, { headers: { "content-type": "text/event-stream" } });
      }
      const answer = urls.length === 2 ? result({ data: [event(0)], nextOffset: 1 }) : failure(404, "NOT_FOUND");
      return new Response(JSON.stringify(answer.body), { status: answer.status ?? 200 });
    },
  });
  const reading = readUntilRefused(client.workspace("ws").events.stream("s"));
  await vi.waitUntil(() => vi.getTimerCount() > 0);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await reading).toEqual([0]);
  expect([urls, cancelled]).toEqual([["stream", "list", "list"], ["held"]]);
});
