import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ALLOWED_ORIGIN, type LogLine, servicesWithoutDatabase, startApp } from "./app-under-test.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const AGENTS = "/base/api/v1/workspaces/w/agents";
const HEALTH = "/base/api/v1/sim-integration/health";

let app: FastifyInstance;
let log: LogLine[];

beforeAll(async () => {
  const services = servicesWithoutDatabase({
    findCaller: async (headers) => {
      if (headers.get("x-api-key") !== "known") return null;
      const principal = { kind: "session", userId: "ann", sessionId: "s" } as const;
      return { principal, source: "x-api-key", proof: null, memory: null as never };
    },
  });
  ({ app, log } = await startApp({ basePath: "/base", services }));
});

afterAll(() => app?.close());

const json = { "content-type": "application/json" };

test("every answer carries the caller's request id where it is a harmless one, else a new one", async () => {
  const idOf = async (given: string) =>
    (await app.inject({ url: HEALTH, headers: { "x-request-id": given } })).headers["x-request-id"];
  expect(await idOf("My.id_1-x")).toBe("My.id_1-x");
  for (const refused of ["", "a b", "x".repeat(65), "<script>", "é"]) expect(await idOf(refused)).toMatch(UUID);
  for (const url of ["/base/nowhere", "/base/livez", "/base/docs", "/base/%zz"]) {
    expect((await app.inject(url)).headers["x-request-id"]).toMatch(UUID);
  }
});

test("an error has one shape, and names the request", async () => {
  const response = await app.inject({ url: AGENTS, headers: { "x-request-id": "r1" } });
  expect(response.statusCode).toBe(401);
  expect(response.json()).toEqual({
    error: { code: "UNAUTHORIZED", message: expect.any(String) },
    requestId: "r1",
  });
  expect(response.headers["www-authenticate"]).toBe('Bearer realm="Sim", SimApiKey realm="Sim API", header="x-api-key"');
  expect(response.headers["content-type"]).toMatch(/^application\/json/);
});

test("answers under /api are private and not stored", async () => {
  for (const url of [HEALTH, AGENTS, "/base/api/nowhere", "/base/api/trpc/nothing"]) {
    expect((await app.inject(url)).headers["cache-control"]).toBe("private, no-store");
  }
});

test("nothing answers outside the base path", async () => {
  for (const url of ["/livez", "/api/v1/sim-integration/health", "/docs", "/api/trpc/simIntegration.health"]) {
    expect((await app.inject(url)).statusCode).toBe(404);
  }
  expect((await app.inject("/base/livez")).statusCode).toBe(200);
});

test("an unknown path is 404, an unknown method of a known one 405 with what it allows", async () => {
  const unknown = await app.inject("/base/api/v1/nothing");
  expect(unknown.statusCode).toBe(404);
  expect(unknown.json().error.code).toBe("NOT_FOUND");
  expect(unknown.headers.allow).toBeUndefined();
  for (const [method, url, allowed] of [
    ["DELETE", AGENTS, "GET, HEAD, POST"],
    ["POST", `${AGENTS}/a`, "DELETE, GET, HEAD, PATCH, PUT"],
    ["GET", `${AGENTS}/a/restore`, "POST"],
    ["PUT", HEALTH, "GET, HEAD"],
    ["POST", "/base/livez", "GET, HEAD"],
  ] as const) {
    const response = await app.inject({ method, url });
    expect([url, response.statusCode, response.headers.allow]).toEqual([url, 405, allowed]);
    expect(response.json().error.code).toBe("METHOD_NOT_ALLOWED");
  }
  expect((await app.inject("/base/api/v1/SIM-integration/health")).statusCode).toBe(404);
});

test("a body that cannot be taken is refused before anything reads it", async () => {
  const nested = (depth: number) => `{"name":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  for (const [status, code, payload, headers] of [
    [400, "BAD_REQUEST", "{", json],
    [400, "BAD_REQUEST", "{'a':1}", json],
    [400, "BAD_REQUEST", '{"__proto__":{"x":1}}', json],
    [400, "BAD_REQUEST", '{"constructor":{"prototype":{"x":1}}}', json],
    [400, "BAD_REQUEST", nested(1_000), json],
    [413, "PAYLOAD_TOO_LARGE", JSON.stringify({ name: "x".repeat(1_000_000) }), json],
    [415, "UNSUPPORTED_MEDIA_TYPE", "name=x", { "content-type": "application/x-www-form-urlencoded" }],
    [415, "UNSUPPORTED_MEDIA_TYPE", "{}", { "content-type": "text/plain" }],
    [415, "UNSUPPORTED_MEDIA_TYPE", "<a/>", { "content-type": "application/xml" }],
    [415, "UNSUPPORTED_MEDIA_TYPE", "{}", { ...json, "content-encoding": "gzip" }],
    [415, "UNSUPPORTED_MEDIA_TYPE", "{}", { "content-type": "application/json; charset=utf-16" }],
    [415, "UNSUPPORTED_MEDIA_TYPE", "{}", { "content-type": 'application/json; charset="iso-8859-1"' }],
  ] as const) {
    const response = await app.inject({ method: "POST", url: AGENTS, headers, payload });
    expect([payload.slice(0, 40), response.statusCode]).toEqual([payload.slice(0, 40), status]);
    expect(response.json().error.code).toBe(code);
    expect(response.body).not.toContain("node_modules");
  }
  const deep = await app.inject({ method: "POST", url: AGENTS, headers: json, payload: nested(65) });
  expect(deep.json().error.message).toContain("64");
  const messageOf = async (payload: string) =>
    (await app.inject({ method: "POST", url: AGENTS, headers: json, payload })).json().error.message;
  expect(await messageOf("{")).not.toContain("__proto__");
  for (const key of ["__proto__", "\\u005f_proto__"]) expect(await messageOf(`{"a":[{"${key}":1}]}`)).toContain('"__proto__"');
});

test("brackets in strings are no depth, and a body of an allowed depth goes on to its caller", async () => {
  for (const payload of [`{"name":"${"[".repeat(500)}\\"${"{".repeat(500)}"}`, `{"name":${"[".repeat(60)}${"]".repeat(60)}}`]) {
    const response = await app.inject({ method: "POST", url: AGENTS, headers: json, payload });
    expect(response.statusCode).toBe(401);
  }
});

test("a content type is known in any case and with parameters", async () => {
  for (const type of ["Application/JSON; charset=utf-8", 'application/json;charset="UTF-8"', "application/json; profile=x"]) {
    const headers = { "content-type": type, "content-encoding": "identity" };
    expect((await app.inject({ method: "POST", url: AGENTS, headers, payload: "{}" })).statusCode).toBe(401);
  }
});

test("a caller without a credential learns nothing of what a call would take", async () => {
  for (const [method, url, headers, payload] of [
    ["GET", `${AGENTS}?limit=1&limit=2`, {}, undefined],
    ["GET", `${AGENTS}?search=%ff`, {}, undefined],
    ["GET", `${AGENTS}?workspaceId=w`, {}, undefined],
    ["POST", AGENTS, json, "[]"],
    ["POST", AGENTS, { ...json, "idempotency-key": "a b" }, "{}"],
    ["PATCH", `${AGENTS}/a`, { ...json, "if-match": "x" }, "{}"],
    ["POST", "/base/api/trpc/workspaces.agents.create", { ...json, "idempotency-key": "a b" }, '{"json":{}}'],
  ] as const) {
    const call = (more: object) =>
      app.inject({ method, url, headers: { ...headers, ...more }, ...(payload !== undefined && { payload }) });
    expect([url, (await call({})).statusCode]).toEqual([url, 401]);
    expect([url, (await call({ "x-api-key": "known" })).statusCode]).toEqual([url, 400]);
  }
  const open = await app.inject({ url: `${HEALTH}?colour=red&colour=blue` });
  expect(open.statusCode).toBe(400);
});

test("what cannot be decoded in a URL is refused", async () => {
  for (const url of [
    "/base/api/v1/workspaces/%zz/agents",
    "/base/api/v1/workspaces/%ff/agents",
    `${AGENTS}?search=%zz`,
    `${AGENTS}?search=%ff`,
  ]) {
    const response = await app.inject({ url, headers: { "x-api-key": "known" } });
    expect([url, response.statusCode]).toEqual([url, 400]);
    expect(response.json()).toMatchObject({ error: { code: "BAD_REQUEST" }, requestId: expect.any(String) });
  }
  expect((await app.inject(`/base/api/v1/workspaces/${"w".repeat(3_000)}/agents`)).statusCode).toBe(400);
});

test("a defect is masked to the caller, and logged with its cause", async () => {
  const response = await app.inject({ url: AGENTS, headers: { "x-api-key": "known", "x-request-id": "defect" } });
  expect(response.statusCode).toBe(500);
  expect(response.json()).toEqual({ error: { code: "INTERNAL_ERROR", message: "Internal error" }, requestId: "defect" });
  const line = log.find(({ requestId }) => requestId === "defect");
  expect(line).toMatchObject({ level: "error", code: "INTERNAL_ERROR" });
  expect(JSON.stringify(line)).toContain("secret_table");
});

test("each request leaves one line that says who called what, and nothing that was sent", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const headers = { "x-api-key": "known", "x-request-id": "line", traceparent, cookie: "a=secret-cookie" };
  await app.inject({ url: `${AGENTS}?search=secret-text`, headers });
  const lines = log.filter(({ requestId }) => requestId === "line");
  expect(lines).toEqual([
    expect.objectContaining({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      workspaceId: "w",
      principalKind: "session",
      principalId: "ann",
      procedure: "workspaces.agents.list",
      durationMs: expect.any(Number),
    }),
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/secret-cookie|secret-text|known/);
  await app.inject({ url: HEALTH, headers: { "x-request-id": "good" } });
  await app.inject({ url: AGENTS, headers: { "x-request-id": "denied" } });
  expect(log.find(({ requestId }) => requestId === "good")).toMatchObject({ level: "info", code: "OK" });
  expect(log.find(({ requestId }) => requestId === "denied")).toMatchObject({ level: "warn", code: "UNAUTHORIZED" });
});

test("an allowed origin may call with credentials and read what it needs; another may not", async () => {
  const preflight = (origin: string) =>
    app.inject({
      method: "OPTIONS",
      url: AGENTS,
      headers: { origin, "access-control-request-method": "PATCH", "access-control-request-headers": "x-api-key,if-match" },
    });
  const allowed = await preflight(ALLOWED_ORIGIN);
  expect(allowed.statusCode).toBe(204);
  expect(allowed.headers).toMatchObject({
    "access-control-allow-origin": ALLOWED_ORIGIN,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": expect.stringContaining("PATCH"),
  });
  for (const name of [
    "authorization",
    "x-api-key",
    "content-type",
    "idempotency-key",
    "if-match",
    "x-request-id",
    "trpc-accept",
    "traceparent",
  ]) {
    expect(String(allowed.headers["access-control-allow-headers"]).split(", ")).toContain(name);
  }
  for (const origin of ["https://evil.example.com", `${ALLOWED_ORIGIN}.evil.com`, "null", "https://SIM.example.com"]) {
    expect((await preflight(origin)).headers["access-control-allow-origin"]).toBeUndefined();
    const answer = await app.inject({ url: HEALTH, headers: { origin } });
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  }
  for (const url of [HEALTH, AGENTS, "/base/api/v1/nothing", "/base/api/trpc/nothing", "/base/api/trpc/simIntegration.health"]) {
    const answer = await app.inject({ url, headers: { origin: ALLOWED_ORIGIN } });
    expect(answer.headers["access-control-allow-origin"]).toBe(ALLOWED_ORIGIN);
    expect(String(answer.headers.vary).toLowerCase()).toContain("origin");
    const exposed = String(answer.headers["access-control-expose-headers"]).split(", ");
    expect(exposed).toEqual(expect.arrayContaining(["x-request-id", "retry-after", "location", "etag", "x-ratelimit-limit"]));
  }
});

test("a cookie brings its rules into both transports", async () => {
  const services = servicesWithoutDatabase({
    findCaller: async () => ({
      principal: { kind: "session", userId: "ann", sessionId: "s" },
      source: "cookie",
      proof: null,
      memory: null as never,
    }),
    resolveAccess: () => Promise.reject(new Error("let in")),
  });
  const { app } = await startApp({ services });
  const post = (url: string, headers: Record<string, string>, payload: string) =>
    app.inject({ method: "POST", url, headers: { ...json, ...headers }, payload });
  const input = JSON.stringify({ json: { workspaceId: "w", name: "A" } });
  for (const [url, body] of [
    ["/api/v1/workspaces/w/agents", '{"name":"A"}'],
    ["/api/trpc/workspaces.agents.create", input],
  ] as const) {
    expect((await post(url, { origin: "https://evil.example.com" }, body)).statusCode).toBe(403);
    expect((await post(url, { origin: ALLOWED_ORIGIN }, body)).statusCode).toBe(500); // let in
    for (const type of ["text/plain", "application/x-www-form-urlencoded", ""]) {
      const forged = await post(url, { "content-type": type }, body);
      expect([url, type, forged.statusCode]).toEqual([url, type, 403]);
    }
    expect((await post(url, { "content-encoding": "gzip" }, body)).statusCode).toBe(415);
  }
  await app.close();
});

test("the address that a proxy names is believed only from a trusted one", async () => {
  for (const [trustedProxies, left] of [
    [[], "8"],
    [["10.0.0.0/8"], "8"],
    [["127.0.0.1"], "9"],
  ] as const) {
    const { app } = await startApp({ trustedProxies: [...trustedProxies], rateLimitPerMinute: 10 });
    const url = "/api/v1/sim-integration/health";
    await app.inject({ url, headers: { "x-forwarded-for": "203.0.113.7" } });
    const second = await app.inject({ url, headers: { "x-forwarded-for": "203.0.113.8" } });
    expect([trustedProxies, second.headers["x-ratelimit-remaining"]]).toEqual([trustedProxies, left]);
    await app.close();
  }
});
