import { afterAll, beforeAll, expect, test } from "vitest";
import { AbortedError, createClient, NotFoundError } from "../../client-sdk/src/index.ts";
import { makeApiKey } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type FakeServer, failure, result, startFakeServer } from "./fake-server.ts";
import { makeClient } from "./make-client.ts";

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

test("a stream goes on from where it was when the connection breaks or the server is away", async () => {
  const event = (offset: number) => ({ id: `e${offset}`, offset });
  fake.answers(
    result({ data: [event(0), event(1)], nextOffset: 2 }),
    { failure: "drop" },
    failure(503, "SERVICE_UNAVAILABLE"),
    result({ data: [], nextOffset: 2 }),
    result({ data: [event(2)], nextOffset: 3 }),
    failure(404, "NOT_FOUND"),
  );
  const stream = makeClient({ baseUrl: fake.url }).workspace("ws").events.stream("s");
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { offset } of stream) seen.push(offset);
  })();
  await expect(reading).rejects.toBeInstanceOf(NotFoundError);
  expect(seen).toEqual([0, 1, 2]);
  expect(fake.requests.map(({ input }) => (input as { minOffset: number }).minOffset)).toEqual([0, 2, 2, 2, 2, 3]);
});
