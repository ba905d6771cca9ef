import superjson from "superjson";
import { expect, test } from "vitest";
import { NotFoundError } from "../../client-sdk/src/index.ts";
import { failure, result } from "./fake-server.ts";
import { makeClient } from "./make-client.ts";
import { eventStream, responseOf } from "./session-stream.ts";

const baseUrl = "http://server.example";
const get = { workspaceId: "ws", agentId: "a" };

test("the procedure's own error comes with the answer, and says what it is where its data cannot be unpacked", async () => {
  const { body } = failure(404, "NOT_FOUND", { requestId: "req_1" }) as { body: { error: object } };
  const bent = { error: { ...body.error, meta: { values: { x: ["nonsense"] } } } };
  expect(() => superjson.deserialize(bent.error as never)).toThrow();
  for (const answer of [body, bent]) {
    const client = makeClient({ baseUrl, fetch: async () => responseOf({ status: 404, body: answer }) });
    const error = await client
      .workspace("ws")
      .agents.get("a")
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ status: 404, requestId: "req_1" });
    const raw = client.trpc.workspaces.agents.get.query(get);
    await expect(raw).rejects.toMatchObject({ name: "TRPCClientError", meta: { responseJSON: answer } });
  }
});

test("a call whose signal has aborted already asks nobody for a token, and sends nothing", async () => {
  const asked: string[] = [];
  const client = makeClient({
    baseUrl,
    apiKey: undefined,
    token() {
      asked.push("token");
      return "t";
    },
    async fetch() {
      asked.push("fetch");
      return responseOf(result(null));
    },
  });
  const signal = AbortSignal.abort();
  await expect(client.workspace("ws").agents.get("a", { signal })).rejects.toMatchObject({ code: "ABORTED" });
  await expect(client.trpc.workspaces.agents.get.query(get, { signal })).rejects.toThrow("aborted");
  expect(asked).toEqual([]);
  await client.trpc.workspaces.agents.get.query(get);
  expect(asked).toEqual(["token", "fetch"]);
});

test("a stream that is the answer to a query is not left open", async () => {
  let cancelled = 0;
  const body = () => new ReadableStream({ cancel: () => void cancelled++ });
  const headers = { "content-type": "text/event-stream" };
  const client = makeClient({ baseUrl, fetch: async () => new Response(body(), { headers }) });
  await expect(client.workspace("ws").agents.get("a")).rejects.toMatchObject({ code: "INVALID_RESPONSE" });
  expect(cancelled).toBe(1);
});

test.each(["signal", "unsubscribe"])("a subscription tells nothing more once it is ended by %s", async (how) => {
  const ending = new AbortController();
  const client = makeClient({ baseUrl, fetch: async () => responseOf(eventStream(0, 1, 2)) });
  const seen: number[] = [];
  await new Promise<void>((resolve) => {
    const subscription = client.trpc.workspaces.events.stream.subscribe(
      { workspaceId: "ws", sessionId: "s" },
      {
        signal: ending.signal,
        onData({ data }) {
          seen.push(data.offset);
          if (how === "signal") ending.abort();
          else subscription.unsubscribe();
          setImmediate(resolve);
        },
      },
    );
  });
  expect(seen).toEqual([0]);
});
