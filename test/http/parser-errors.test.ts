import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startApp } from "./app-under-test.ts";

let app: FastifyInstance;
let port: number;

beforeAll(async () => {
  ({ app } = await startApp());
  port = Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
});

afterAll(() => app?.close());

/** Sends bytes as they are, and reads until the server closes. */
function send(raw: string): Promise<{ status: number; head: string; body: string }> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(raw));
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", body = ""] = text.split("\r\n\r\n");
      resolve({ status: Number(head.split(" ")[1]), head, body });
    });
  });
}

const HOST = "Host: localhost\r\nConnection: close\r\n\r\n";

test("what is no HTTP request is answered in the shape of every other error", async () => {
  for (const [raw, status, code] of [
    ["nonsense\r\n\r\n", 400, "BAD_REQUEST"],
    [`GET /livez HTTP/1.1\r\nBad Header: x\r\n${HOST}`, 400, "BAD_REQUEST"],
    [`GET /livez?q=${"x".repeat(100_000)} HTTP/1.1\r\n${HOST}`, 431, "BAD_REQUEST"],
    [`GET /livez HTTP/1.1\r\nx-long: ${"x".repeat(100_000)}\r\n${HOST}`, 431, "BAD_REQUEST"],
    [`FROBNICATE /livez HTTP/1.1\r\n${HOST}`, 405, "METHOD_NOT_ALLOWED"],
  ] as const) {
    const answer = await send(raw);
    expect([raw.slice(0, 20), answer.status]).toEqual([raw.slice(0, 20), status]);
    const { error, requestId } = JSON.parse(answer.body);
    expect(error.code).toBe(code);
    expect(answer.head).toContain(`x-request-id: ${requestId}`);
    expect(answer.body).not.toMatch(/HPE_|at .*\.js/);
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
