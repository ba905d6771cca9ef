import { afterAll, beforeAll, expect, test } from "vitest";
import type { SimClient } from "../../client-sdk/src/create-client.ts";
import { type FakeServer, failure, result, startFakeServer } from "./fake-server.ts";
import { BAD_GATEWAY, makeClient as makeClientAt, type TestClientOptions } from "./make-client.ts";

let server: FakeServer;

beforeAll(async () => {
  server = await startFakeServer();
});
afterAll(() => server.stop());

const makeClient = (options: TestClientOptions = {}) => makeClientAt({ baseUrl: server.url, ...options });
const agentsOf = (client: SimClient) => client.workspace("ws").agents;

test("repetition of a query follows a full-jitter backoff and ends with the answer", async () => {
  server.answers(BAD_GATEWAY, { failure: "drop" }, result({ id: "a1" }));
  const client = makeClient();
  await expect(agentsOf(client).get("a1")).resolves.toMatchObject({ id: "a1" });
  expect(client.waits).toEqual([125, 250]);
});

test("repetition ends after the given number, with the last answer's status and request id", async () => {
  server.answers(BAD_GATEWAY);
  await expect(agentsOf(makeClient()).get("a1")).rejects.toMatchObject({
    name: "ServiceUnavailableError",
    code: "SERVICE_UNAVAILABLE",
    status: 502,
    requestId: "req_9",
  });
  expect(server.requests).toHaveLength(3);
  server.answers(BAD_GATEWAY);
  await expect(agentsOf(makeClient({ retries: 5 })).get("a1", { retries: 0 })).rejects.toMatchObject({ status: 502 });
  expect(server.requests).toHaveLength(1);
});

test.each([
  ["2", 2_000],
  ["60", 60_000],
  ["Thu, 01 Jan 2026 00:00:05 GMT", 5_000],
  ["Wed, 31 Dec 2025 23:59:59 GMT", 0],
  ["1.5", 125],
  ["-3", 125],
  ["2026-01-01T00:00:05Z", 125],
  ["soon", 125],
])("repetition waits as Retry-After says where it is valid: %s", async (header, waited) => {
  server.answers({ ...BAD_GATEWAY, headers: { "retry-after": header } }, result({}));
  const client = makeClient({ timeoutMs: 120_000 });
  await client.health();
  expect(client.waits).toEqual([waited]);
});

test("repetition is left out where the server asks for more than a minute, or more than the call has left", async () => {
  server.answers(failure(429, "RATE_LIMITED", {}, { "retry-after": "61" }));
  await expect(makeClient({ timeoutMs: 120_000 }).health()).rejects.toMatchObject({
    name: "RateLimitedError",
    retryAfterMs: 61_000,
  });
  expect(server.requests).toHaveLength(1);
  server.answers(failure(429, "RATE_LIMITED", {}, { "retry-after": "30" }));
  await expect(makeClient().health()).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 30_000 });
  expect(server.requests).toHaveLength(1);
});

test("repetition of a create keeps its idempotency key; another create has another", async () => {
  server.answers(
    BAD_GATEWAY,
    { failure: "drop" },
    failure(409, "CONFLICT", { details: { code: "IDEMPOTENCY_IN_FLIGHT" } }),
    result({}),
  );
  const agents = agentsOf(makeClient({ retries: 3 }));
  await agents.create({ name: "Scout" });
  const keys = server.requests.map(({ headers }) => headers["idempotency-key"]);
  expect(keys).toHaveLength(4);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  await agents.create({ name: "Scout" });
  expect(server.requests[4]?.headers["idempotency-key"]).not.toBe(keys[0]);
  await agents.create({ name: "Scout" }, { idempotencyKey: "mine" });
  expect(server.requests[5]?.headers["idempotency-key"]).toBe("mine");
});

test("repetition of a change without a key happens only where the server surely did nothing", async () => {
  const client = makeClient();
  const agents = agentsOf(client);
  const changes = [() => agents.update("a", { name: "b" }), () => agents.delete("a"), () => agents.restore("a")];
  for (const change of changes) {
    for (const ambiguous of [BAD_GATEWAY, { failure: "drop" } as const, failure(500, "INTERNAL_ERROR")]) {
      server.answers(ambiguous);
      await expect(change()).rejects.toMatchObject({ code: expect.any(String) });
      expect(server.requests).toHaveLength(1);
      expect(server.requests[0]?.headers).not.toHaveProperty("idempotency-key");
    }
    server.answers(failure(429, "RATE_LIMITED"), result({ id: "a" }));
    await expect(change()).resolves.toMatchObject({ id: "a" });
  }
  const stopped = await startFakeServer();
  await stopped.stop();
  expect(client.waits).toHaveLength(changes.length);
  const unreachable = makeClient({ baseUrl: stopped.url });
  await expect(agentsOf(unreachable).delete("a")).rejects.toMatchObject({ code: "CONNECTION" });
  expect(unreachable.waits).toHaveLength(2);
});

test("repetition is not tried on a refusal", async () => {
  for (const [status, code] of [
    [400, "BAD_REQUEST"],
    [401, "UNAUTHORIZED"],
    [403, "FORBIDDEN"],
    [404, "NOT_FOUND"],
    [409, "CONFLICT"],
    [413, "PAYLOAD_TOO_LARGE"],
  ] as const) {
    server.answers(failure(status, code));
    await expect(agentsOf(makeClient()).create({ name: "x" })).rejects.toMatchObject({ code, status });
    expect(server.requests).toHaveLength(1);
  }
});
