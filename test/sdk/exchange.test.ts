import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { oneTimeTokens } from "../../client-sdk/src/access-tokens.ts";
import { createClient } from "../../client-sdk/src/create-client.ts";
import { makeSession } from "../support/database.ts";
import { startTestServer } from "../support/server.ts";
import { type FakeAnswer, type FakeServer, failure, result, type SeenRequest, startFakeServer } from "./fake-server.ts";
import { BAD_GATEWAY, makeClient } from "./make-client.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const EXCHANGE = "/api/v1/auth/exchange";

let server: FakeServer;
beforeAll(async () => {
  server = await startFakeServer();
});
afterAll(() => server.stop());

/** A client on the fake server at a clock that stands, whose one-time tokens and access tokens are counted. */
function makeExchanging({ exchange = async (count: number) => `one-time-${count}` } = {}) {
  const time = { now: NOW };
  let taken = 0;
  const client = makeClient(
    { baseUrl: server.url, apiKey: undefined, exchange: oneTimeTokens(() => exchange(++taken)) },
    { now: () => time.now },
  );
  return { ...client, time, taken: () => taken };
}

const granted = (value: string, expiresAt = NOW + 300_000): FakeAnswer => ({
  body: { accessToken: value, expiresAt: new Date(expiresAt).toISOString() },
});

/** Answers exchanges with pat_1, pat_2, …, and each call by the access token that it came with. */
function serve(answerTo: (authorization: string) => FakeAnswer = () => result({}), expiresAt?: number) {
  let exchanges = 0;
  server.answers((request) => {
    if (request.path === EXCHANGE) return granted(`pat_${++exchanges}`, expiresAt);
    return answerTo(String(request.headers.authorization));
  });
}

const paths = () =>
  server.requests.map(({ path, headers }: SeenRequest) => (path === EXCHANGE ? "exchange" : headers.authorization));

describe("a client with an exchange", () => {
  test("exchanges at the first call, once for all that wait, and goes on with the access token", async () => {
    serve();
    const client = makeExchanging();
    await Promise.all(Array.from({ length: 20 }, () => client.health()));
    await client.health();
    expect(client.taken()).toBe(1);
    expect(paths().filter((path) => path === "exchange")).toHaveLength(1);
    expect(new Set(paths().filter((path) => path !== "exchange"))).toEqual(new Set(["Bearer pat_1"]));
    expect(server.requests[0]).toMatchObject({ method: "POST", headers: { "content-type": "application/json" } });
    expect(server.requests[0]?.headers).not.toHaveProperty("authorization");
  });

  test("renews it shortly before its end", async () => {
    serve();
    const client = makeExchanging();
    await client.health();
    client.time.now += 279_999;
    await client.health();
    client.time.now += 1;
    await client.health();
    expect(paths()).toEqual(["exchange", "Bearer pat_1", "Bearer pat_1", "exchange", "Bearer pat_2"]);
  });

  test("neither renews at every call nor never where the two clocks differ by hours", async () => {
    for (const [skewMs, usedMs] of [
      [-3 * 3_600_000, 40_000],
      [3 * 3_600_000, 280_000],
    ] as const) {
      serve(undefined, NOW + 300_000 + skewMs);
      const client = makeExchanging();
      await client.health();
      client.time.now += usedMs - 1;
      await client.health();
      expect(client.taken()).toBe(1);
      client.time.now += 1;
      await client.health();
      expect(client.taken()).toBe(2);
    }
  });

  test("where a call is refused with 401 renews once and makes it again, a change too; others that were refused join", async () => {
    serve((authorization) => (authorization === "Bearer pat_1" ? failure(401, "UNAUTHORIZED") : result({ id: "a1" })));
    const client = makeExchanging();
    const { agents } = client.workspace("ws");
    await Promise.all([agents.update("a1", { name: "A" }), agents.update("a1", { name: "B" }), agents.get("a1")]);
    expect(client.taken()).toBe(2);
    expect(paths().filter((path) => path === "Bearer pat_2")).toHaveLength(3);
    expect(client.waits).toEqual([]);
  });

  test("gives up at the second 401, and asks anew at the next call", async () => {
    serve(() => failure(401, "UNAUTHORIZED"));
    const client = makeExchanging();
    await expect(client.health()).rejects.toMatchObject({ name: "UnauthorizedError", status: 401 });
    expect(paths()).toEqual(["exchange", "Bearer pat_1", "exchange", "Bearer pat_2"]);
    await expect(client.health()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    expect(client.taken()).toBe(4);
  });

  test("passes on why there is no access token, and tries anew with another one-time token where that may help", async () => {
    server.answers(failure(503, "SERVICE_UNAVAILABLE"), { failure: "drop" }, granted("pat_9"), result({}));
    const client = makeExchanging();
    await client.health();
    expect(server.requests.map(({ path }) => path)).toEqual([EXCHANGE, EXCHANGE, EXCHANGE, "simIntegration.health"]);
    expect(client.taken()).toBe(3);
    expect(client.waits).toEqual([125, 250]);

    const refused = { status: 401, body: { error: { code: "UNAUTHORIZED", message: "no" }, requestId: "req_1" } };
    server.answers(refused);
    const { rejects } = expect(makeExchanging().health());
    await rejects.toMatchObject({ name: "UnauthorizedError", requestId: "req_1" });
    expect(server.requests).toHaveLength(1);

    server.answers(BAD_GATEWAY);
    await expect(makeExchanging().health()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    server.answers({ body: { hello: 1 } });
    await expect(makeExchanging().health()).rejects.toMatchObject({ code: "INVALID_RESPONSE" });
    const broken = new Error("Sim is away");
    await expect(makeExchanging({ exchange: () => Promise.reject(broken) }).health()).rejects.toBe(broken);
  });

  test("ends one call's wait without ending the exchange that others wait for", async () => {
    serve();
    const gate = Promise.withResolvers<string>();
    const client = makeExchanging({ exchange: () => gate.promise });
    const abort = new AbortController();
    const ended = client.health({ signal: abort.signal });
    const other = client.health();
    abort.abort();
    await expect(ended).rejects.toMatchObject({ code: "ABORTED" });
    gate.resolve("one-time");
    await other;
    expect(client.taken()).toBe(1);
  });
});

test("more than one credential is refused", () => {
  const both = { baseUrl: "http://localhost", apiKey: "a", exchange: oneTimeTokens(() => "b") } as never;
  expect(() => createClient(both)).toThrow("Give one of apiKey, token and exchange");
});

test("signs in to the real server with what Sim's table has, and goes on when its first session has ended", async () => {
  const real = await startTestServer();
  onTestFinished(real.stop);
  const { owner } = real.database;
  const { reader, id } = real.workspace;
  let count = 0;
  const sim = createClient({
    baseUrl: real.url,
    exchange: oneTimeTokens(async () => {
      const session = await makeSession(owner, reader.id);
      const token = `token-number-${++count}`;
      await owner.query(
        "insert into verification (id, identifier, value, expires_at) values ($1, 'one-time-token:' || $1, $2, now() + interval '1 day')",
        [token, session.token],
      );
      return token;
    }),
  });
  const { access } = sim.workspace(id);
  expect((await access.me()).permission).toBe("read");
  await access.me();
  expect(count).toBe(1);
  await owner.query("delete from session where user_id = $1", [reader.id]);
  expect((await access.me()).permission).toBe("read");
  expect(count).toBe(2);
});
