import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../client-sdk/src/index.ts";
import { type FakeAnswer, type FakeServer, failure, result, type SeenRequest, startFakeServer } from "./fake-server.ts";

const PAGES: Record<string, { data: { id: string }[]; nextCursor: string | null }> = {
  first: { data: [{ id: "1" }, { id: "2" }], nextCursor: "second" },
  second: { data: [], nextCursor: "third" },
  third: { data: [{ id: "3" }], nextCursor: null },
};

let server: FakeServer;

beforeAll(async () => {
  server = await startFakeServer();
});
afterAll(() => server.stop());

function answerPages({ input }: SeenRequest): FakeAnswer {
  return result(PAGES[(input as { cursor?: string }).cursor ?? "first"]);
}

function agents() {
  return createClient({ baseUrl: server.url, apiKey: "k" }).workspace("ws").agents;
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

test("an awaited list is one page, fetched once", async () => {
  server.answers(answerPages);
  const list = agents().list({ limit: 2 });
  expect(await list).toEqual(PAGES["first"]);
  expect(await list).toEqual(PAGES["first"]);
  expect(server.requests.map(({ input }) => input)).toEqual([{ workspaceId: "ws", limit: 2, cursor: undefined }]);
});

test("an iterated list is every item, each page asked for under the same filters", async () => {
  server.answers(answerPages);
  const ids: string[] = [];
  for await (const { id } of agents().list({ status: "active" })) ids.push(id);
  expect(ids).toEqual(["1", "2", "3"]);
  expect(server.requests.map(({ input }) => input)).toEqual(
    [undefined, "second", "third"].map((cursor) => ({ workspaceId: "ws", status: "active", cursor })),
  );
});

test("a list goes on from its cursor, page by page, and only as far as it is read", async () => {
  server.answers(answerPages);
  const pages: number[] = [];
  for await (const page of agents().list({ cursor: "second" }).pages()) pages.push(page.data.length);
  expect(pages).toEqual([0, 1]);
  server.answers(answerPages);
  for await (const _agent of agents().list()) break;
  expect(server.requests).toHaveLength(1);
});

test("a list that nobody awaits sends nothing", async () => {
  server.answers(answerPages);
  agents().list();
  await agents().list();
  expect(server.requests).toHaveLength(1);
});

test("a failure reaches whoever awaits or iterates", async () => {
  server.answers(failure(404, "NOT_FOUND"));
  await expect(agents().list()).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(
    await agents()
      .list()
      .catch(() => "caught"),
  ).toBe("caught");
  await expect(collect(agents().list())).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a server that gives the same cursor for ever is left", async () => {
  server.answers(result({ data: [], nextCursor: "again" }));
  await expect(collect(agents().list())).rejects.toMatchObject({ code: "INVALID_RESPONSE" });
  expect(server.requests).toHaveLength(2);
});
