import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ALLOWED_ORIGIN, type LogLine, startApp } from "./app-under-test.ts";
import { sendRaw } from "./send-raw.ts";

let app: FastifyInstance;
let port: number;
let log: LogLine[];

beforeAll(async () => {
  ({ app, log } = await startApp({ rateLimitPerMinute: 1_000 }));
  port = Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
});

afterAll(() => app?.close());

const send = (raw: string) => sendRaw(port, raw);

const HOST = "Host: localhost\r\nConnection: close\r\n\r\n";

test("what is no HTTP request is answered in the shape of every other error", async () => {
  for (const [raw, status, code] of [
    ["nonsense\r\n\r\n", 400, "BAD_REQUEST"],
    [`GET /livez HTTP/1.1\r\nBad Header: x\r\n${HOST}`, 400, "BAD_REQUEST"],
    [`GET /livez?q=${"x".repeat(100_000)} HTTP/1.1\r\n${HOST}`, 431, "BAD_REQUEST"],
    [`GET /livez HTTP/1.1\r\nx-long: ${"x".repeat(100_000)}\r\n${HOST}`, 431, "BAD_REQUEST"],
    [`FROBNICATE /livez HTTP/1.1\r\n${HOST}`, 405, "METHOD_NOT_ALLOWED"],
    ["CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "METHOD_NOT_ALLOWED"],
    [`POST /livez HTTP/1.1\r\nExpect: junk\r\nContent-Length: 2\r\n${HOST}`, 417, "BAD_REQUEST"],
    ["GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "BAD_REQUEST"],
  ] as const) {
    const answer = await send(raw);
    expect([raw.slice(0, 20), answer.status]).toEqual([raw.slice(0, 20), status]);
    const { error, requestId } = JSON.parse(answer.body);
    expect(error.code).toBe(code);
    expect(answer.head).toContain(`x-request-id: ${requestId}`);
    expect(answer.body).not.toMatch(/HPE_|at .*\.js/);
    expect(log.filter((line) => line["requestId"] === requestId)).toMatchObject([{ level: "warn", code }]);
  }
});

test("a method that HTTP knows and this server does not is 405 on a known path", async () => {
  const answer = await send(`PROPFIND /livez HTTP/1.1\r\n${HOST}`);
  expect(answer.status).toBe(405);
  expect(answer.head.toLowerCase()).toContain("allow: get, head");
});

test("a request that is well-formed is served on the same port", async () => {
  expect((await send(`GET /livez HTTP/1.1\r\n${HOST}`)).status).toBe(200);
});

test("a query as long as is allowed is judged by its content", async () => {
  const url = `http://127.0.0.1:${port}/api/v1/workspaces/w/agents?search=${"x".repeat(20_000)}`;
  expect((await fetch(url)).status).toBe(401);
});

test("a caller's own request id is kept where the request is refused before it is served", async () => {
  const answer = await send("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\nx-request-id: mine\r\n\r\n");
  expect(JSON.parse(answer.body).requestId).toBe("mine");
});

test("a connection that asks for a proxy is closed, also where it breaks or its caller keeps it open", async () => {
  for (const breakOff of [() => {}, (socket: Duplex) => void socket.destroy(new Error("reset"))]) {
    app.server.once("connect", (_request, socket) => breakOff(socket));
    const isClosed = new Promise<void>((resolve) => {
      app.server.once("connection", (socket) => socket.once("close", resolve));
    });
    const caller = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    caller.on("error", () => {}).resume();
    caller.write("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await isClosed;
    caller.destroy();
  }
});

test("HTTP/1.0 needs no Host", async () => {
  expect((await send("GET /livez HTTP/1.0\r\n\r\n")).status).toBe(200);
});

test("a path that names its host is under the rules of the path", async () => {
  for (const path of ["/api/v1/sim-integration/health", "/%61pi/v1/sim-integration/health", "/api/nowhere", "/%61pi/nowhere"]) {
    const { head } = await send(`GET http://evil.example${path} HTTP/1.1\r\n${HOST}`);
    expect([path, head]).toEqual([path, expect.stringMatching(/cache-control: private, no-store/)]);
    expect(head).toMatch(/x-ratelimit-remaining: \d+/);
  }
  expect((await send(`GET http://evil.example/livez HTTP/1.1\r\n${HOST}`)).head).not.toContain("x-ratelimit-limit:");
});

test("a part of a path that is too long is refused under the same rules as any other call", async () => {
  const long = `/api/v1/workspaces/${"w".repeat(3_000)}/agents`;
  const { status, head } = await send(`GET ${long} HTTP/1.1\r\nOrigin: ${ALLOWED_ORIGIN}\r\n${HOST}`);
  expect(status).toBe(400);
  expect(head).toMatch(/x-ratelimit-remaining: \d+/);
  expect(head).toContain(`access-control-allow-origin: ${ALLOWED_ORIGIN}`);
  const foreign = await send(`GET ${long} HTTP/1.1\r\nOrigin: https://evil.example\r\n${HOST}`);
  expect(foreign.head).not.toContain("access-control-allow-origin");
});
