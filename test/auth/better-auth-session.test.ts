import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createSessionAdapter } from "../../server/auth/session-adapter.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import type { SimReader, Statement } from "../../server/db/sim-reader.ts";
import {
  asOlderSim,
  connectInUtc,
  createTestDatabase,
  makeSession,
  makeUser,
  signSessionToken,
  type TestDatabase,
} from "../support/database.ts";
import { BETTER_AUTH_SECRET, type Caller, NOW, openCaller, secondsFromNow } from "./fixture.ts";

// Sim's times are UTC in columns without a zone: a server elsewhere must read them the same.
process.env["TZ"] = "America/Los_Angeles";

const OTHER_SECRET = "another secret of at least 32 characters";
const unauthorized = { code: "UNAUTHORIZED", message: "The credential is not valid or has expired" };

let db: TestDatabase;
let caller: Caller;
let httpsCaller: Caller;

beforeAll(async () => {
  db = await createTestDatabase();
  caller = openCaller(db.appUrl);
  httpsCaller = openCaller(db.appUrl, { appUrl: "https://sim.example.com" });
});
beforeEach(() => {
  caller.takeStatements();
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await caller?.close();
  await httpsCaller?.close();
  await db?.drop();
});

/** A user with a session that ends so many seconds from now. */
async function signIn(endsInSeconds = 3_600) {
  const user = await makeUser(db.owner);
  const session = await makeSession(db.owner, user.id, { expiresAt: secondsFromNow(endsInSeconds) });
  const signed = signSessionToken(session.token, BETTER_AUTH_SECRET);
  const principal = { kind: "session", userId: user.id, sessionId: session.id };
  const proof = createHash("sha256").update(session.token).digest("hex");
  return { userId: user.id, token: session.token, signed, principal, proof };
}

const asCookie = (signed: string, name = "better-auth.session_token") => ({ cookie: `${name}=${encodeURIComponent(signed)}` });
const asBearer = (signed: string) => ({ authorization: `Bearer ${signed}` });

describe("a signed session", () => {
  test("is its user's, as Sim's cookie, in one statement", async () => {
    const { signed, principal, proof } = await signIn();
    expect(await caller.authenticate(asCookie(signed))).toEqual({ principal, source: "cookie", proof });
    expect(caller.takeStatements()).toHaveLength(1);
  });

  test("is its user's as a bearer token too, URL-encoded or not", async () => {
    const { signed, principal, proof } = await signIn();
    expect(await caller.authenticate(asBearer(signed))).toEqual({ principal, source: "authorization", proof });
    expect(await caller.authenticate(asBearer(encodeURIComponent(signed)))).toEqual({
      principal,
      source: "authorization",
      proof,
    });
    expect(caller.takeStatements()).toHaveLength(2);
  });

  test("is read from either cookie on http, and only from the one with the prefix behind https", async () => {
    const { signed, principal } = await signIn();
    const secure = asCookie(signed, "__Secure-better-auth.session_token");
    expect(await caller.authenticate(secure)).toMatchObject({ principal });
    expect(await httpsCaller.authenticate(secure)).toMatchObject({ principal });
    expect(await httpsCaller.authenticate(asCookie(signed))).toBeNull();
  });

  test("accepts a signature whatever characters base64 gives it", async () => {
    const user = await makeUser(db.owner);
    const seen = new Set<string>();
    for (let attempt = 0; seen.size < 2 && attempt < 200; attempt++) {
      const token = `token${attempt}`.padEnd(32, "x");
      const signed = signSessionToken(token, BETTER_AUTH_SECRET);
      const special = ["+", "/"].find((character) => signed.includes(character) && !seen.has(character));
      if (special === undefined) continue;
      seen.add(special);
      await makeSession(db.owner, user.id, { token, expiresAt: secondsFromNow(60) });
      expect(await caller.authenticate(asBearer(signed))).toMatchObject({ principal: { userId: user.id } });
      expect(await caller.authenticate(asCookie(signed))).toMatchObject({ principal: { userId: user.id } });
    }
    expect([...seen].sort()).toEqual(["+", "/"]);
  });
});

describe("a session is refused", () => {
  test("with a NUL in its token, which PostgreSQL could not look for, though well signed", async () => {
    const signed = signSessionToken("tok\0en", BETTER_AUTH_SECRET);
    await expect(caller.authenticate(asBearer(encodeURIComponent(signed)))).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    await expect(caller.authenticate(asCookie(signed))).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    expect(caller.takeStatements()).toEqual([]);
  });

  test("without its signature, without asking the database", async () => {
    const { token, signed } = await signIn();
    const signature = signed.slice(token.length + 1);
    const forged = signSessionToken(token, OTHER_SECRET);
    const bad = [
      token,
      `${token}.`,
      `.${signature}`,
      `${token}.${signature.slice(0, -1)}`,
      `${token}.${"A".repeat(43)}=`,
      forged,
    ];
    for (const value of [...bad, `x${signed}`, `pat_${token}`, "%E0%A4%A", "", "....", `${signed}.${signed}.${signed}`]) {
      await expect(caller.authenticate(asBearer(value)), value).rejects.toMatchObject(unauthorized);
      if (value !== "") await expect(caller.authenticate(asCookie(value)), value).rejects.toMatchObject(unauthorized);
    }
    expect(caller.takeStatements()).toEqual([]);
    expect(await caller.authenticate(asBearer(signed))).not.toBeNull();
  });

  test("when it has ended, to the second, in UTC whatever the zone of this process", async () => {
    expect(new Date(NOW).getTimezoneOffset()).not.toBe(0);
    const ended = await signIn(-1);
    const ending = await signIn(1);
    await expect(caller.authenticate(asCookie(ended.signed))).rejects.toMatchObject(unauthorized);
    await expect(caller.authenticate(asBearer(ended.signed))).rejects.toMatchObject(unauthorized);
    expect(await caller.authenticate(asCookie(ending.signed))).toMatchObject({ principal: ending.principal });
  });

  test("when Sim does not know it, or no longer", async () => {
    const unknown = signSessionToken("a token that Sim never gave", BETTER_AUTH_SECRET);
    await expect(caller.authenticate(asBearer(unknown))).rejects.toMatchObject(unauthorized);
    const { token, signed } = await signIn();
    expect(await caller.authenticate(asCookie(signed))).not.toBeNull();
    await db.owner.query("DELETE FROM session WHERE token = $1", [token]);
    await expect(caller.authenticate(asCookie(signed))).rejects.toMatchObject(unauthorized);
  });

  test("while its user is banned", async () => {
    const { userId, signed, principal } = await signIn();
    const ban = (banned: boolean | null, until: Date | null) =>
      db.owner.query(`UPDATE "user" SET banned = $2, ban_expires = $3::timestamptz AT TIME ZONE 'UTC' WHERE id = $1`, [
        userId,
        banned,
        until?.toISOString() ?? null,
      ]);
    for (const until of [null, secondsFromNow(1)]) {
      await ban(true, until);
      await expect(caller.authenticate(asCookie(signed))).rejects.toMatchObject(unauthorized);
    }
    for (const [banned, until] of [
      [true, secondsFromNow(-1)],
      [false, null],
      [null, null],
      [false, secondsFromNow(60)],
    ] as const) {
      await ban(banned, until);
      expect(await caller.authenticate(asCookie(signed))).toMatchObject({ principal });
    }
  });
});

test("an older Sim, which cannot ban, is not asked for bans", async () => {
  const olderDb = await createTestDatabase();
  await asOlderSim(olderDb.owner);
  const user = await makeUser(olderDb.owner);
  const session = await makeSession(olderDb.owner, user.id, { expiresAt: secondsFromNow(60) });
  const older = openCaller(olderDb.appUrl, { features: { userBanned: false } });
  const headers = asCookie(signSessionToken(session.token, BETTER_AUTH_SECRET));
  expect(await older.authenticate(headers)).toMatchObject({ principal: { userId: user.id, sessionId: session.id } });
  await older.close();
  await olderDb.drop();
});

test("a connection in another time zone than UTC finds the same sessions", async () => {
  const connection = await connectInUtc(db.appUrl);
  await connection.query("SET TimeZone = 'Asia/Tokyo'");
  const sim: SimReader = {
    query: async <Row extends object>(statement: Statement) => (await connection.query<Row>(statement)).rows,
  };
  const adapter = createSessionAdapter({ sim, features: CURRENT_SIM, clock: { now: () => NOW } });
  const find = ({ token }: { token: string }) => adapter.findOne({ model: "session", where: [{ field: "token", value: token }] });
  expect(await find(await signIn(-1))).toBeNull();
  expect(await find(await signIn(1))).not.toBeNull();
  await connection.end();
});

test("the secret is the one that was given, whatever better-auth's own variables hold", async () => {
  const { signed, token, principal } = await signIn();
  vi.stubEnv("BETTER_AUTH_SECRETS", `1:${OTHER_SECRET}`);
  vi.stubEnv("BETTER_AUTH_SECRET", OTHER_SECRET);
  const other = openCaller(db.appUrl);
  expect(await other.authenticate(asCookie(signed))).toMatchObject({ principal });
  const forged = asCookie(signSessionToken(token, OTHER_SECRET));
  await expect(other.authenticate(forged)).rejects.toMatchObject(unauthorized);
  await other.close();
});

test("a database that cannot answer is not a bad credential", async () => {
  const { signed } = await signIn();
  const closed = openCaller(db.appUrl);
  await closed.close();
  const failure = closed.authenticate(asBearer(signed));
  await expect(failure).rejects.toThrow("Cannot use a pool after calling end on the pool");
  await expect(failure).rejects.not.toMatchObject({ code: "UNAUTHORIZED" });
});
