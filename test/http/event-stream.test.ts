import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import superjson from "superjson";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../client-sdk/src/index.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

const says = (message: string) => ({ kind: "message" as const, source: "customer" as const, data: { message } });

async function openSession() {
  const ws = createClient({ baseUrl: server.url, apiKey: server.apiKey }).workspace(server.workspace.id);
  const agent = await ws.agents.create({ name: `Agent ${Math.random()}` });
  const { id } = await ws.sessions.create({ agentId: agent.id });
  return { sessionId: id, append: (text: string) => ws.events.append(id, says(text)) };
}

function connect(input: object, headers: Record<string, string> = {}): Promise<Response> {
  const wire = encodeURIComponent(JSON.stringify(superjson.serialize({ workspaceId: server.workspace.id, ...input })));
  return fetch(`${server.url}/api/trpc/workspaces.events.stream?input=${wire}`, {
    headers: { "x-api-key": server.apiKey, accept: "text/event-stream", ...headers },
  });
}

/** The stream's text until something stands in it. */
async function readUntil(reader: ReadableStreamDefaultReader<string>, end: string): Promise<string> {
  let text = "";
  while (!text.includes(end)) {
    const { value, done } = await reader.read();
    if (done) return `${text}<end>`;
    text += value;
  }
  return text;
}

const textOf = (response: Response) =>
  (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream()).getReader();

test("a stream is server-sent events that no proxy holds back, each with its offset as its id", async () => {
  const { sessionId, append } = await openSession();
  await append("first");
  const response = await connect({ sessionId });
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": expect.stringContaining("text/event-stream"),
    "x-accel-buffering": "no",
    "cache-control": "private, no-store, no-transform",
    "x-request-id": expect.any(String),
  });
  const reader = textOf(response);
  const text = await readUntil(reader, "id: 0");
  expect(text).toMatch(/event: connected\ndata: \{"reconnectAfterInactivityMs":40000\}/);
  expect(text).toContain('"message":"first"');
  await append("second");
  expect(await readUntil(reader, "id: 1")).toContain('"message":"second"');
  await reader.cancel();
  await expect.poll(() => server.dependencies.services.eventHub.size()).toBe(0);
});

test("a browser's own EventSource resumes by the header that it sends", async () => {
  const { sessionId, append } = await openSession();
  for (const text of ["a", "b", "c"]) await append(text);
  const reader = textOf(await connect({ sessionId }, { "last-event-id": "1" }));
  const text = await readUntil(reader, "id: 2");
  expect(text).toContain('"message":"c"');
  expect(text).not.toContain('"message":"b"');
  await reader.cancel();
});

test.each([
  ["without a credential", 401, { "x-api-key": "" }, {}],
  ["with a bad one", 401, { "x-api-key": "sk-sim-none" }, {}],
  ["of a session that is not there", 404, {}, { sessionId: crypto.randomUUID() }],
  ["in a workspace that is not there", 404, {}, { workspaceId: "elsewhere" }],
  ["from an id that is none", 400, {}, { lastEventId: "x" }],
])("a stream %s is refused with its status, as any call", async (_, status, headers, input) => {
  const { sessionId } = await openSession();
  const response = await connect({ sessionId, ...input }, headers);
  expect([response.status, response.headers.get("content-type")]).toEqual([status, expect.stringContaining("application/json")]);
  expect(await response.json()).toMatchObject({ error: { json: { data: { httpStatus: status } } } });
});

/** Reads a stream as far as its end of the line takes it, and then no more. */
async function stall(on: TestServer, sessionId: string, headers: Record<string, string>): Promise<Socket> {
  const wire = encodeURIComponent(JSON.stringify({ json: { workspaceId: on.workspace.id, sessionId } }));
  const socket = createConnection(Number(new URL(on.url).port), "127.0.0.1");
  const lines = Object.entries({ host: "localhost", accept: "text/event-stream", ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(`GET /api/trpc/workspaces.events.stream?input=${wire} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  socket.on("error", () => {});
  await once(socket, "readable");
  socket.pause();
  return socket;
}

/** More than what lies between two ends of a connection. */
async function fill(on: TestServer): Promise<string> {
  const ws = createClient({ baseUrl: on.url, apiKey: on.apiKey }).workspace(on.workspace.id);
  const agent = await ws.agents.create({ name: `Agent ${Math.random()}`, isolationLevel: "workspace" });
  const { id } = await ws.sessions.create({ agentId: agent.id });
  for (let count = 0; count < 60; count++)
    await ws.events.append(
      id,
      Array.from({ length: 4 }, () => says("x".repeat(60_000))),
    );
  return id;
}

test("who does not read is cut off when it may not read on", async () => {
  const sessionId = await fill(server);
  const { reader, id } = server.workspace;
  const socket = await stall(server, sessionId, reader.headers);
  const { eventHub } = server.dependencies.services;
  await expect.poll(() => eventHub.size()).toBe(1);
  // Control: it is not the silence that ends it.
  await eventHub.decideAll();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(eventHub.size()).toBe(1);
  await server.database.owner.query("delete from permissions where user_id = $1 and entity_id = $2", [reader.id, id]);
  await expect.poll(() => eventHub.size(), { timeout: 10_000 }).toBe(0);
  socket.destroy();
});

test("a closing server does not wait for who does not read", async () => {
  const closing = await startTestServer();
  const socket = await stall(closing, await fill(closing), { "x-api-key": closing.apiKey });
  await expect.poll(() => closing.dependencies.services.eventHub.size()).toBe(1);
  // Until what is on the way is full.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await closing.app.close();
  socket.destroy();
  await closing.stop();
});

test("a closing server ends its streams at once, tells that they can be resumed, and waits for none", async () => {
  const closing = await startTestServer();
  try {
    const ws = createClient({ baseUrl: closing.url, apiKey: closing.apiKey }).workspace(closing.workspace.id);
    const agent = await ws.agents.create({ name: "Support" });
    const { id: sessionId } = await ws.sessions.create({ agentId: agent.id });
    const wire = encodeURIComponent(JSON.stringify({ json: { workspaceId: ws.id, sessionId } }));
    const response = await fetch(`${closing.url}/api/trpc/workspaces.events.stream?input=${wire}`, {
      headers: { "x-api-key": closing.apiKey },
    });
    const reader = textOf(response);
    await readUntil(reader, "connected");
    await expect.poll(() => closing.dependencies.services.eventHub.size()).toBe(1);
    const closed = closing.app.close();
    expect(await readUntil(reader, "<end>")).toMatch(/event: serialized-error\n.*STREAM_RESUMABLE.*\s+<end>$/);
    await closed;
  } finally {
    await closing.stop();
  }
});
