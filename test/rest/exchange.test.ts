import { createHash, randomBytes, randomUUID } from "node:crypto";
import { betterAuth } from "better-auth";
import { oneTimeToken } from "better-auth/plugins";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { servicesWithoutDatabase, startApp } from "../http/app-under-test.ts";
import { makeSession } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { TEST_BETTER_AUTH_SECRET } from "../support/services.ts";
import { assertDocumented } from "./documented.ts";
import { exchangeCalls, MINUTE_MS, PATH } from "./exchange-calls.ts";

const APP_URL = "http://localhost:3000";

let server: TestServer;
let simPool: pg.Pool;
const { agents, exchange, offer, signIn, sql } = exchangeCalls(() => server);

beforeAll(async () => {
  server = await startTestServer({ PERMISSION_CACHE_TTL: "3600" });
  simPool = new pg.Pool({ connectionString: server.database.ownerUrl, max: 2, options: "-c timezone=UTC" });
  // Its end does not wait for its connections, and their database is dropped next.
  simPool.on("error", () => {});
});
afterEach(() => sql("delete from session where user_id <> all ($1)", people()));
afterAll(async () => {
  await simPool?.end();
  await server?.stop();
});

const people = () => Object.values(server.workspace).flatMap((one) => (typeof one === "object" ? [one.id] : []));

/** What Sim's POST /api/auth/socket-token does, by better-auth's own plugin, set up as Sim's. */
async function socketToken(signed: string): Promise<string> {
  const auth = betterAuth({
    database: simPool,
    baseURL: APP_URL,
    secret: TEST_BETTER_AUTH_SECRET,
    advanced: { database: { validateSchema: false } },
    plugins: [oneTimeToken({ expiresIn: 24 * 60 })],
    user: { fields: { emailVerified: "email_verified", createdAt: "created_at", updatedAt: "updated_at" } },
    session: {
      fields: {
        ...{ userId: "user_id", expiresAt: "expires_at", ipAddress: "ip_address", userAgent: "user_agent" },
        ...{ createdAt: "created_at", updatedAt: "updated_at" },
      },
    },
    verification: { fields: { expiresAt: "expires_at", createdAt: "created_at", updatedAt: "updated_at" } },
  });
  const headers = new Headers({ cookie: `better-auth.session_token=${encodeURIComponent(signed)}` });
  return (await auth.api.generateOneTimeToken({ headers })).token;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest();

describe("a one-time token of Sim's", () => {
  test("is exchanged for five minutes of its session, in any workspace of the user's and without naming one", async () => {
    const session = await signIn();
    const token = await socketToken(session.signed);
    const verification = () => sql("select xmin::text, verification::text from verification");
    const before = (await verification()).rows;
    const begunAt = Date.now();
    const answer = await exchange(token);
    expect(answer.statusCode).toBe(200);
    assertDocumented("POST", "/auth/exchange", answer);
    const { accessToken, expiresAt, ...rest } = answer.json();
    expect(rest).toEqual({});
    expect(accessToken).toMatch(/^pat_[A-Za-z0-9_-]+$/);
    expect(Date.parse(expiresAt)).toBeGreaterThanOrEqual(begunAt + 5 * MINUTE_MS);
    expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.now() + 5 * MINUTE_MS);
    expect(answer.headers["cache-control"]).toBe("private, no-store");
    expect(answer.headers["set-cookie"]).toBeUndefined();
    // Sim's row is as it was, to its version; what we keep is the hash alone.
    expect((await verification()).rows).toEqual(before);
    const { rows } = await sql("select token_hash, used_token::text as text from parlant.parlant_used_token used_token");
    expect(rows).toContainEqual(expect.objectContaining({ token_hash: sha256(token) }));
    expect(JSON.stringify(rows)).not.toContain(token);

    const headers = { authorization: `Bearer ${accessToken}` };
    expect((await agents(headers)).statusCode).toBe(200);
    const made = await server.app.inject({
      ...{ method: "POST", url: `/api/v1/workspaces/${server.workspace.id}/agents`, headers },
      payload: { name: `Scout ${randomUUID()}` },
    });
    expect(made.json()).toMatchObject({ createdBy: session.userId, createdByKeyId: null });
    expect((await agents({ authorization: `Bearer ${accessToken}x` })).statusCode).toBe(401);
  });

  test("is one for one: 50 who exchange it at once get one access token, and 49 the one refusal", async () => {
    const { token } = await signIn();
    const offered = await offer(token);
    const answers = await Promise.all(Array.from({ length: 50 }, () => exchange(offered)));
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
    expect(answers.filter(({ statusCode }) => statusCode === 401)).toHaveLength(49);
    expect((await exchange(offered)).statusCode).toBe(401);
  });

  test("control: without the key of the used ones more than one gets an access token", async () => {
    const other = await startTestServer();
    onTestFinished(other.stop);
    await other.database.owner.query("alter table parlant.parlant_used_token drop constraint parlant_used_token_pkey");
    const { token } = await signIn(other);
    const offered = await offer(token, { on: other });
    const answers = await Promise.all(Array.from({ length: 50 }, () => exchange(offered, {}, other)));
    expect(answers.filter(({ statusCode }) => statusCode === 200).length).toBeGreaterThan(1);
  });

  test("that is used, unknown, expired, malformed, of a session that ended or of a banned user is answered alike", async () => {
    const session = await signIn();
    const used = await offer(session.token);
    expect((await exchange(used)).statusCode).toBe(200);
    const bannedUser = server.workspace.reader.id;
    const banned = await makeSession(server.database.owner, bannedUser);
    await sql('update "user" set banned = true where id = $1', bannedUser);
    onTestFinished(async () => {
      await sql('update "user" set banned = false where id = $1', bannedUser);
    });
    const ended = await makeSession(server.database.owner, session.userId, { expiresAt: new Date(Date.now() - 1) });
    const tokens = [
      used,
      randomBytes(24).toString("base64url"),
      await offer(session.token, { endsInMs: -1 }),
      await offer(ended.token),
      await offer(banned.token),
      await offer("no session's"),
      ...["", " ", "a b", "\0", "é", "x".repeat(10_000), `one-time-token:${used}`, session.token, session.signed, "'; select 1"],
    ];
    const bodies = new Set<string>();
    for (const token of tokens) {
      const answer = await exchange(token);
      assertDocumented("POST", "/auth/exchange", answer);
      const { requestId, ...body } = answer.json();
      bodies.add(JSON.stringify([answer.statusCode, answer.headers["www-authenticate"], answer.headers["cache-control"], body]));
      expect(requestId).toBe(answer.headers["x-request-id"]);
    }
    expect([...bodies].map((body) => JSON.parse(body))).toEqual([
      [
        401,
        expect.stringContaining("Bearer"),
        "private, no-store",
        { error: { code: "UNAUTHORIZED", message: "The one-time token is not valid, was used or has expired" } },
      ],
    ]);
    // What was refused is not used up by that.
    const { rows } = await sql("select from parlant.parlant_used_token where token_hash = $1", sha256(tokens[4] ?? ""));
    expect(rows).toEqual([]);
  });

  test("is not used up by a transaction that fails", async () => {
    const { token } = await signIn();
    const offered = await offer(token);
    await sql(`create function parlant.fail() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger fail after insert on parlant.parlant_used_token for each row execute function parlant.fail()`);
    const failed = await exchange(offered);
    await sql("drop trigger fail on parlant.parlant_used_token; drop function parlant.fail()");
    expect(failed.statusCode).toBe(500);
    expect((await exchange(offered)).statusCode).toBe(200);
  });

  test("stands in a body of its shape alone", async () => {
    const { token } = await signIn();
    const offered = await offer(token);
    for (const payload of [{}, [], "x", null, { token: 1 }, { token: [offered] }, { token: offered, workspaceId: "w" }]) {
      const headers = { "content-type": "application/json" };
      const answer = await server.app.inject({ method: "POST", url: PATH, headers, payload: JSON.stringify(payload) });
      expect([payload, answer.statusCode]).toEqual([payload, 400]);
      assertDocumented("POST", "/auth/exchange", answer);
      expect(answer.body).not.toContain(offered);
    }
    expect((await server.app.inject({ method: "POST", url: `${PATH}?token=${offered}` })).statusCode).toBe(400);
    expect((await server.app.inject({ url: PATH })).statusCode).toBe(405);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await server.app.inject({ method: "POST", url: PATH, headers: form, payload: `token=${offered}` })).statusCode).toBe(
      415,
    );
    expect((await exchange(offered)).statusCode).toBe(200);
  });

  test("may be exchanged by pages of allowed origins, and its answer read by no others", async () => {
    const origins = { [APP_URL]: APP_URL, "https://evil.example.com": undefined };
    for (const [origin, allowed] of Object.entries(origins)) {
      const preflight = await server.app.inject({
        ...{ method: "OPTIONS", url: PATH },
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
      });
      expect(preflight.headers["access-control-allow-origin"]).toBe(allowed);
      const answer = await exchange("none", { origin });
      expect(answer.headers["access-control-allow-origin"]).toBe(allowed);
    }
  });
});

test("no token is written to the log, whether it was good or not", async () => {
  const accessToken = "pat_secret";
  const services = servicesWithoutDatabase({
    exchangeToken: async (token) => (token === "good" ? { accessToken, expiresAt: new Date(), userId: "ann" } : null),
  });
  const { app, log } = await startApp({ services });
  for (const token of ["good", "guessed"]) await app.inject({ method: "POST", url: PATH, payload: { token } });
  await app.close();
  expect(log).toMatchObject([
    { procedure: "auth.exchange", principalKind: "session", principalId: "ann" },
    { procedure: "auth.exchange", code: "UNAUTHORIZED" },
  ]);
  expect(JSON.stringify(log)).not.toMatch(/good|guessed|pat_/);
});

test("who sends tokens that are none is slowed down by address, as with any other credential", async () => {
  const limited = await startTestServer({ DENIAL_LIMIT_PER_MINUTE: "3" });
  onTestFinished(limited.stop);
  const { token } = await signIn(limited);
  const statuses: number[] = [];
  for (let index = 0; index < 5; index++) statuses.push((await exchange(`none-${index}`, {}, limited)).statusCode);
  expect(statuses).toEqual([401, 401, 401, 429, 429]);
  const slowed = await exchange("none", {}, limited);
  expect(slowed.headers["retry-after"]).toMatch(/^\d+$/);
  // The count is the same for every credential that is none, and never stands in the way of a good one.
  expect((await agents({ "x-api-key": "sk-sim-no-key-at-all" }, limited)).statusCode).toBe(429);
  expect((await exchange(await offer(token, { on: limited }), {}, limited)).statusCode).toBe(200);
});
