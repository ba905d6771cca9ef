import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { makeSession } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { exchangeCalls, MINUTE_MS } from "./exchange-calls.ts";

let server: TestServer;
const { agents, exchanged, signIn, sql } = exchangeCalls(() => server);

beforeAll(async () => {
  server = await startTestServer({ PERMISSION_CACHE_TTL: "3600" });
});
afterAll(() => server?.stop());

describe("what is made of a one-time token", () => {
  const ENDINGS: Record<string, (session: { id: string; userId: string }) => Promise<unknown>> = {
    "the session is deleted": ({ id }) => sql("delete from session where id = $1", id),
    "the session expires": ({ id }) =>
      sql("update session set expires_at = (now() at time zone 'UTC') - interval '1 second' where id = $1", id),
    "the session gets another token": ({ id }) => sql("update session set token = $2 where id = $1", id, randomUUID()),
    "the user is banned": ({ userId }) => sql('update "user" set banned = true where id = $1', userId),
  };
  test.each(Object.entries(ENDINGS))("ends with the very next call when %s, remembered or not", async (_, end) => {
    const session = await signIn();
    const { headers } = await exchanged(session.token);
    const name = `Scout ${randomUUID()}`;
    onTestFinished(async () => {
      await sql('update "user" set banned = false where id = $1', session.userId);
    });
    expect((await agents(headers)).statusCode).toBe(200);
    const rejections = server.dependencies.database.guardRejections();
    await end(session);
    const url = `/api/v1/workspaces/${server.workspace.id}/agents`;
    expect((await server.app.inject({ method: "POST", url, headers, payload: { name } })).statusCode).toBe(401);
    // The credential was remembered: it was the statement itself that found out.
    expect(server.dependencies.database.guardRejections()).toBe(rejections + 1);
    expect((await agents(headers)).statusCode).toBe(401);
    expect((await sql("select from parlant.parlant_agent where name = $1", name)).rows).toEqual([]);
  });

  test("is worth what the session is worth: a reader's is below a writer's, and nothing elsewhere", async () => {
    const { reader } = server.workspace;
    const session = await makeSession(server.database.owner, reader.id);
    const { headers } = await exchanged(session.token);
    expect((await agents(headers)).statusCode).toBe(200);
    const url = `/api/v1/workspaces/${server.workspace.id}/agents`;
    expect((await server.app.inject({ method: "POST", url, headers, payload: { name: "X" } })).statusCode).toBe(403);
    const elsewhere = await server.app.inject({ url: `/api/v1/workspaces/${randomUUID()}/agents`, headers });
    expect(elsewhere.statusCode).toBe(404);
  });

  test("ends after five minutes, although it is remembered for longer; a new one goes on", async () => {
    const time = { now: Date.now() };
    const other = await startTestServer({ PERMISSION_CACHE_TTL: "3600" }, { clock: { now: () => time.now } });
    onTestFinished(other.stop);
    const { token } = await signIn(other);
    const { headers } = await exchanged(token, other);
    expect((await agents(headers, other)).statusCode).toBe(200);
    time.now += 5 * MINUTE_MS - 1;
    expect((await agents(headers, other)).statusCode).toBe(200);
    time.now += 1;
    expect((await agents(headers, other)).statusCode).toBe(401);
    expect((await agents((await exchanged(token, other)).headers, other)).statusCode).toBe(200);
  });

  test("is good on every server with the same secret, and on none with another", async () => {
    const { token } = await signIn();
    const { headers } = await exchanged(token);
    for (const [secret, status] of [
      ["isolation-secret-of-the-tests-0123456789ab", 200],
      ["a-newer-isolation-secret-0123456789abcdef,isolation-secret-of-the-tests-0123456789ab", 200],
      ["a-newer-isolation-secret-0123456789abcdef", 401],
    ] as const) {
      const other = await startTestServer({ ISOLATION_SECRET: secret }, { reach: async () => server.database.appUrl });
      const url = `/api/v1/workspaces/${server.workspace.id}/agents`;
      expect((await other.app.inject({ url, headers })).statusCode).toBe(status);
      await other.stop();
    }
  });
});
