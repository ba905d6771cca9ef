import { createHash, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../server/db/client.ts";
import { probeSim } from "../../server/db/probe-sim.ts";
import { asOlderSim, createTestDatabase, makeSession, makeUser, type TestDatabase } from "../support/database.ts";

let db: TestDatabase;
let database: Database;

beforeAll(async () => {
  db = await createTestDatabase();
  database = openDatabase({ url: db.appUrl, poolSize: 2, maxOverflow: 0, poolTimeoutSeconds: 10, onError: () => {} });
});
afterAll(async () => {
  await database?.close();
  await db?.drop();
});

async function offer(value: string, expiresAt: string): Promise<string> {
  const token = randomUUID();
  await db.owner.query(
    "insert into verification (id, identifier, value, expires_at) values ($1, 'one-time-token:' || $1, $2, $3::timestamp)",
    [token, value, expiresAt],
  );
  return token;
}

async function use(token: string) {
  const { features } = await probeSim(database.sim);
  return database.oneTimeTokens.use(createHash("sha256").update(token).digest(), token, features);
}

/** UTC without a zone, as Sim keeps it. */
const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString().replace("Z", "");

test("a token that never expires in Sim is used once, and never forgotten", async () => {
  const { id: userId } = await makeUser(db.owner);
  const session = await makeSession(db.owner, userId);
  const token = await offer(session.token, "infinity");
  const proof = createHash("sha256").update(session.token).digest("hex");
  expect(await use(token)).toEqual({ sessionId: session.id, userId, proof });
  expect(await database.oneTimeTokens.forget(10)).toBe(0);
  expect(await use(token)).toBeNull();
  expect(await use(await offer(session.token, "-infinity"))).toBeNull();
});

test("the end of a ban is the ban's end", async () => {
  const { id: userId } = await makeUser(db.owner, { banned: true, banExpires: new Date(Date.now() - 1_000) });
  const session = await makeSession(db.owner, userId);
  expect(await use(await offer(session.token, tomorrow()))).toMatchObject({ userId });
  await db.owner.query(`update "user" set ban_expires = null where id = $1`, [userId]);
  expect(await use(await offer(session.token, tomorrow()))).toBeNull();
});

test("of an older Sim, which cannot ban, a token is exchanged too, and once", async () => {
  await asOlderSim(db.owner);
  const { id: userId } = await makeUser(db.owner);
  const session = await makeSession(db.owner, userId);
  const token = await offer(session.token, tomorrow());
  expect((await probeSim(database.sim)).features.userBanned).toBe(false);
  expect(await use(token)).toMatchObject({ userId });
  expect(await use(token)).toBeNull();
});
