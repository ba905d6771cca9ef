import { betterAuth } from "better-auth";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { READING_QUERY, readingOptions } from "../../server/auth/better-auth-session.ts";
import { createSessionAdapter } from "../../server/auth/session-adapter.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import { createTestDatabase, makeSession, makeUser, signSessionToken, type TestDatabase } from "../support/database.ts";
import { BETTER_AUTH_SECRET, openCaller } from "./fixture.ts";

const HOUR_MS = 3_600_000;

let db: TestDatabase;
let pool: pg.Pool;
/** The signed tokens of two sessions that better-auth would write to: one has ended, one is due for a refresh. */
let ended: string;
let due: string;

beforeAll(async () => {
  db = await createTestDatabase();
  pool = new pg.Pool({ connectionString: db.ownerUrl, max: 2, options: "-c timezone=UTC" });
  // Its end does not wait for its connections, and their database is dropped next.
  pool.on("error", () => {});
});
beforeEach(async () => {
  await db.owner.query("DELETE FROM session");
  const user = await makeUser(db.owner);
  ended = await signedSession(user.id, -HOUR_MS);
  due = await signedSession(user.id, 5 * 24 * HOUR_MS);
});
afterAll(async () => {
  await pool?.end();
  await db?.drop();
});

async function signedSession(userId: string, endsInMs: number): Promise<string> {
  const { token } = await makeSession(db.owner, userId, { expiresAt: new Date(Date.now() + endsInMs) });
  return signSessionToken(token, BETTER_AUTH_SECRET);
}

/** Sim's rows byte for byte, and the version of each: a row that was rewritten as it was has a new one. */
async function simRows() {
  const session = await db.owner.query<object>("SELECT xmin::text, session::text AS row FROM session ORDER BY id");
  const verification = await db.owner.query<object>("SELECT xmin::text, verification::text AS row FROM verification ORDER BY id");
  return { session: session.rows, verification: verification.rows };
}

const fieldNames = {
  user: { fields: { emailVerified: "email_verified", createdAt: "created_at", updatedAt: "updated_at" } },
  session: {
    fields: {
      userId: "user_id",
      expiresAt: "expires_at",
      ipAddress: "ip_address",
      userAgent: "user_agent",
      createdAt: "created_at",
      updatedAt: "updated_at",
    },
  },
};

const asCookie = (signed: string) => new Headers({ cookie: `better-auth.session_token=${encodeURIComponent(signed)}` });

describe("reading a session writes nothing to Sim's tables", () => {
  test.each(["application role, which may only read", "owner, who may write"])("connected as the %s", async (role) => {
    const url = role.startsWith("owner") ? db.ownerUrl : db.appUrl;
    const caller = openCaller(url, { nowMs: Date.now() });
    const before = await simRows();
    for (const signed of [ended, due]) {
      for (const headers of [{ cookie: `better-auth.session_token=${signed}` }, { authorization: `Bearer ${signed}` }]) {
        const reading = caller.authenticate(headers);
        if (signed === ended) await expect(reading).rejects.toMatchObject({ code: "UNAUTHORIZED" });
        else expect(await reading).toMatchObject({ principal: { kind: "session" } });
      }
    }
    expect(before.session).toHaveLength(2);
    expect(await simRows()).toEqual(before);
    await caller.close();
  });

  test("the application role is refused every write", async () => {
    const app = new pg.Client({ connectionString: db.appUrl });
    await app.connect();
    const writes = [
      "DELETE FROM session",
      "UPDATE session SET expires_at = now()",
      "DELETE FROM verification",
      "TRUNCATE session",
    ];
    for (const statement of writes) await expect(app.query(statement), statement).rejects.toMatchObject({ code: "42501" });
    await app.end();
  });

  test("our options hold on a database that better-auth could write to", async () => {
    const options = readingOptions({ betterAuthSecret: BETTER_AUTH_SECRET, appUrl: "http://localhost:3000" }, pool);
    const auth = betterAuth({ ...options, user: fieldNames.user, session: { ...options.session, ...fieldNames.session } });
    const before = await simRows();
    expect(await auth.api.getSession({ headers: asCookie(ended), query: READING_QUERY })).toBeNull();
    expect(await auth.api.getSession({ headers: asCookie(due), query: READING_QUERY })).not.toBeNull();
    expect(await simRows()).toEqual(before);
  });

  test("control: better-auth as it comes deletes the one and rewrites the other", async () => {
    const auth = betterAuth({
      database: pool,
      baseURL: "http://localhost:3000",
      secret: BETTER_AUTH_SECRET,
      advanced: { database: { validateSchema: false } },
      ...fieldNames,
    });
    const before = await simRows();
    expect(await auth.api.getSession({ headers: asCookie(ended) })).toBeNull();
    expect(await auth.api.getSession({ headers: asCookie(due) })).not.toBeNull();
    const [left, ...others] = (await simRows()).session;
    expect(others).toEqual([]);
    expect(left).toBeDefined();
    expect(before.session).not.toContainEqual(left);
  });
});

describe("better-auth's adapter", () => {
  const queries: string[] = [];
  const adapter = createSessionAdapter({
    sim: {
      async query({ text }) {
        queries.push(text);
        return [];
      },
    },
    features: CURRENT_SIM,
    clock: { now: () => 0 },
  });
  const byToken = [{ field: "token", value: "token" }];

  test("refuses whatever is not the look-up of a session by its token", async () => {
    const refused = [
      () => adapter.create({ model: "session", data: {} }),
      () => adapter.update({ model: "session", where: byToken, update: {} }),
      () => adapter.updateMany({ model: "session", where: byToken, update: {} }),
      () => adapter.delete({ model: "session", where: byToken }),
      () => adapter.deleteMany({ model: "session", where: byToken }),
      () => adapter.consumeOne({ model: "verification", where: byToken }),
      () => adapter.incrementOne({ model: "session", where: byToken, increment: {} }),
      () => adapter.transaction(async () => null),
      () => adapter.findMany({ model: "session" }),
      () => adapter.count({ model: "session" }),
      () => adapter.findOne({ model: "user", where: [{ field: "id", value: "u1" }] }),
      () => adapter.findOne({ model: "account", where: byToken }),
      () => adapter.findOne({ model: "session", where: [{ field: "userId", value: "u1" }] }),
      () => adapter.findOne({ model: "session", where: [...byToken, ...byToken] }),
    ];
    for (const call of refused) await expect(call(), String(call)).rejects.toThrow(/only read|Only a session is read/);
    expect(queries).toEqual([]);
    expect(await adapter.findOne({ model: "session", where: byToken })).toBeNull();
    expect(queries).toHaveLength(1);
  });
});
