import { inspect } from "node:util";
import { TRPCClientError } from "@trpc/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClientOptions } from "../../client-sdk/src/client-options.ts";
import type { SimClient } from "../../client-sdk/src/create-client.ts";
import { waitFor } from "../../client-sdk/src/deadline.ts";
import { BadRequestError } from "../../client-sdk/src/error-classes.ts";
import type { Ports } from "../../client-sdk/src/ports.ts";
import { type FakeServer, failure, result, startFakeServer } from "./fake-server.ts";
import { API_KEY, BAD_GATEWAY, makeClient as makeClientAt, type TestClientOptions } from "./make-client.ts";

let server: FakeServer;

beforeAll(async () => {
  server = await startFakeServer();
});
afterAll(() => server.stop());

const makeClient = (options: TestClientOptions = {}, ports: Partial<Ports> = {}) =>
  makeClientAt({ baseUrl: server.url, ...options }, ports);
const agentsOf = (client: SimClient) => client.workspace("ws").agents;

describe("a call", () => {
  test("carries the workspace, the key and the input, and its dates come back as dates", async () => {
    const createdAt = new Date("2026-01-02T03:04:05.678Z");
    server.answers(result({ id: "a1", createdAt }));
    const agent = await agentsOf(makeClient({ baseUrl: `${server.url}/parlant/` })).get("a1");
    expect(agent.createdAt).toEqual(createdAt);
    expect(server.requests).toMatchObject([
      {
        method: "GET",
        path: "workspaces.agents.get",
        input: { workspaceId: "ws", agentId: "a1" },
        headers: { "x-api-key": API_KEY },
      },
    ]);
  });

  test("asks the token and header functions before each try, and lets no header replace the credential", async () => {
    let asked = 0;
    server.answers(BAD_GATEWAY, result({}));
    const client = makeClient({
      apiKey: undefined,
      token: async () => `token-${++asked}`,
      headers: async () => ({ "X-Trace": "t", Authorization: "Bearer other" }),
    });
    await client.health({ headers: { "x-trace": "mine" } });
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer token-1", "Bearer token-2"]);
    expect(server.requests.map(({ headers }) => headers["x-trace"])).toEqual(["mine", "mine"]);
  });

  test("sends the browser's cookies only where there is no other credential", async () => {
    const seen: (string | undefined)[] = [];
    const fetch: ClientOptions["fetch"] = async (_url, init) => {
      seen.push(init.credentials);
      return new Response(JSON.stringify(result({}).body));
    };
    await makeClient({ fetch, apiKey: undefined }).health();
    await makeClient({ fetch }).health();
    expect(seen).toEqual(["include", undefined]);
  });

  test("through the raw client throws tRPC's error with the server's data, and takes the same options", async () => {
    server.answers(BAD_GATEWAY, failure(404, "NOT_FOUND"));
    const raw = makeClient().trpc.workspaces.agents.get;
    const error = await raw.query({ workspaceId: "ws", agentId: "a" }, { context: { headers: { "x-a": "b" } } }).catch(String);
    expect(error).toContain("It is NOT_FOUND");
    expect(server.requests.map(({ headers }) => headers["x-a"])).toEqual(["b", "b"]);
    const again = await raw.query({ workspaceId: "ws", agentId: "a" }).catch((thrown: unknown) => thrown);
    expect(again).toBeInstanceOf(TRPCClientError);
    expect(again).toMatchObject({ data: { code: "NOT_FOUND", httpStatus: 404 } });
  });
});

test("an input that cannot be sent is an error of this client's, and is not sent", async () => {
  const agents = agentsOf(makeClient());
  const before = server.requests.length;
  for (const key of ["__proto__", "constructor", "prototype"]) {
    const metadata = JSON.parse(`{"a":{"${key}":1}}`) as Record<string, unknown>;
    const error = await agents.create({ name: "Scout", metadata }).catch((thrown: unknown) => thrown);
    expect(BadRequestError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: "BAD_REQUEST", message: expect.stringContaining(key), issues: [{ path: [] }] });
  }
  expect(server.requests).toHaveLength(before);
});

describe("the end of a call", () => {
  test.each(["never", "half"] as const)("comes by its time limit where the server answers %s", async (howFar) => {
    server.answers({ failure: howFar, body: { result: {} } });
    await expect(agentsOf(makeClient({ timeoutMs: 1_000 })).get("a")).rejects.toMatchObject({
      name: "TimeoutError",
      code: "TIMEOUT",
    });
    expect(server.requests).toHaveLength(1);
  });

  test("comes by its time limit where the token or a fetch that heeds no signal never comes", async () => {
    const never = () => new Promise<never>(() => {});
    await expect(makeClient({ apiKey: undefined, token: never }).health({ timeoutMs: 30 })).rejects.toMatchObject({
      code: "TIMEOUT",
    });
    await expect(makeClient({ fetch: never }).health({ timeoutMs: 30 })).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  test("by its signal leaves the calls beside it alone", async () => {
    server.answers(({ input }) =>
      (input as { agentId: string }).agentId === "slow" ? { failure: "never" } : result({ id: "quick" }),
    );
    const controller = new AbortController();
    const agents = agentsOf(makeClient());
    const slow = agents.get("slow", { signal: controller.signal });
    const quick = agents.get("quick");
    await quick.then(() => controller.abort(new Error("no longer needed")));
    await expect(slow).rejects.toMatchObject({ code: "ABORTED", cause: { message: "no longer needed" } });
    await expect(quick).resolves.toMatchObject({ id: "quick" });
  });

  test("by its signal comes also during a wait, and before anything is sent", async () => {
    const controller = new AbortController();
    server.answers({ ...BAD_GATEWAY, headers: { "retry-after": "20" } });
    const waiting = makeClient(
      {},
      {
        wait(milliseconds, signal) {
          queueMicrotask(() => controller.abort());
          return waitFor(milliseconds, signal);
        },
      },
    );
    await expect(waiting.health({ signal: controller.signal })).rejects.toMatchObject({ code: "ABORTED" });
    expect(server.requests).toHaveLength(1);
    await expect(waiting.health({ signal: controller.signal })).rejects.toMatchObject({ code: "ABORTED" });
    expect(server.requests).toHaveLength(1);
  });
});

describe("what answers in the server's place", () => {
  test("is told by its status, or by the body of a refusal before the procedure", async () => {
    const refusal = { error: { code: "PAYLOAD_TOO_LARGE", message: "Too much", details: { code: "X" } }, requestId: "req_1" };
    server.answers({ status: 413, body: refusal });
    await expect(makeClient().health()).rejects.toMatchObject({
      name: "PayloadTooLargeError",
      message: "Too much",
      requestId: "req_1",
      details: { code: "X" },
    });
    server.answers({ status: 404, body: "<html>nginx</html>" });
    await expect(makeClient().health()).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("baseUrl") });
    server.answers({ status: 200, body: "<html>Welcome</html>" });
    await expect(makeClient().health()).rejects.toMatchObject({ name: "InvalidResponseError", status: 200 });
    server.answers({ status: 200, body: { ok: true } });
    await expect(makeClient().health()).rejects.toMatchObject({ code: "INVALID_RESPONSE" });
  });

  test("cannot lead the key elsewhere by a redirect", async () => {
    const elsewhere = await startFakeServer();
    elsewhere.answers(result({}));
    server.answers({ status: 307, headers: { location: `${elsewhere.url}/api/trpc/simIntegration.health` } });
    await expect(makeClient().health()).rejects.toMatchObject({
      code: "INVALID_RESPONSE",
      message: expect.stringContaining("redirects"),
    });
    expect(elsewhere.requests).toEqual([]);
    await elsewhere.stop();
  });
});

describe("a credential", () => {
  test("stands in no error, whatever went wrong", async () => {
    const stopped = await startFakeServer();
    await stopped.stop();
    server.answers(failure(401, "UNAUTHORIZED"));
    const attempts = [
      makeClient().health(),
      makeClient({ baseUrl: stopped.url }).health(),
      makeClient({ apiKey: `${API_KEY}\n` }).health(),
      makeClient({ apiKey: undefined, token: `${API_KEY}\r\nx: y` }).health(),
      makeClient({ headers: { "x-own": `${API_KEY}\n` } }).health(),
    ];
    const errors = await Promise.all(
      attempts.map((attempt) =>
        attempt.then(
          () => undefined,
          (error: unknown) => error,
        ),
      ),
    );
    expect(errors.map((error) => error instanceof Error)).toEqual(errors.map(() => true));
    expect(inspect(errors, { depth: 10, showHidden: true })).not.toContain(API_KEY);
    expect(JSON.stringify(errors)).not.toContain(API_KEY);
  });

  test("is given once, and never in the address", () => {
    expect(() => makeClient({ token: "b" })).toThrow("Give one of apiKey, token and exchange");
    for (const baseUrl of ["https://me:secret@example.test", "/api", "ftp://example.test", "https://example.test/?key=secret"]) {
      expect(() => makeClient({ baseUrl })).toThrow(TypeError);
      expect(() => makeClient({ baseUrl })).not.toThrow("secret");
    }
    expect(() => makeClient({ timeoutMs: 0 })).toThrow("timeoutMs");
    expect(() => makeClient({ retries: -1 })).toThrow("retries");
  });

  test("that cannot be had throws what its own function threw", async () => {
    const token = () => Promise.reject(new RangeError("the vault is closed"));
    await expect(makeClient({ apiKey: undefined, token }).health()).rejects.toThrow(RangeError);
  });
});
