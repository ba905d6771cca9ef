import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAccessTokens } from "../../server/auth/access-token.ts";
import { createCredentialCache } from "../../server/auth/credential-cache.ts";
import { createTestDatabase, makeSession, makeUser, type TestDatabase } from "../support/database.ts";
import { type Caller, ISOLATION_SECRET, NOW, openCaller, secondsFromNow } from "./fixture.ts";

const OTHER_SECRET = "another secret of at least 32 characters";
const at = (nowMs: number) => ({ now: () => nowMs });
const tokens = createAccessTokens({ rootSecrets: [ISOLATION_SECRET], clock: at(NOW) });
const proofOf = (token: string) => createHash("sha256").update(token).digest("hex");
const claims = { sessionId: "session", proof: proofOf("token"), endsAtMs: NOW + 300_000 };

describe("an access token", () => {
  test("says what it was issued for, whatever the session's id, and has no dot", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }), (sessionId) => {
        const token = tokens.issue({ ...claims, sessionId });
        expect(token).toMatch(/^pat_[A-Za-z0-9_-]+$/);
        expect(tokens.read(token)).toEqual({ ...claims, sessionId });
      }),
    );
  });

  test("ends at its millisecond", () => {
    const token = tokens.issue(claims);
    const readAt = (nowMs: number) => createAccessTokens({ rootSecrets: [ISOLATION_SECRET], clock: at(nowMs) }).read(token);
    expect(readAt(claims.endsAtMs - 1)).toEqual(claims);
    expect(readAt(claims.endsAtMs)).toBeNull();
  });

  test("is none where one character differs, and has one spelling", () => {
    const token = tokens.issue(claims);
    for (let index = 0; index < token.length; index++) {
      const other = token[index] === "A" ? "B" : "A";
      expect(tokens.read(token.slice(0, index) + other + token.slice(index + 1))).toBeNull();
    }
    for (const spelling of [
      `${token}=`,
      `${token} `,
      `${token}A`,
      token.slice(0, -1),
      token.replace("pat_", "pat_ "),
      "pat_",
      "",
    ]) {
      expect(tokens.read(spelling)).toBeNull();
    }
    // Control: only the spelling was at fault.
    expect(tokens.read(token)).toEqual(claims);
  });

  test("outlives the rotation of the root secret for as long as the older one is configured", () => {
    const clock = at(NOW);
    const rotated = createAccessTokens({ rootSecrets: [OTHER_SECRET, ISOLATION_SECRET], clock });
    const without = createAccessTokens({ rootSecrets: [OTHER_SECRET], clock });
    expect(rotated.read(tokens.issue(claims))).toEqual(claims);
    expect(tokens.read(rotated.issue(claims))).toBeNull();
    expect(without.read(tokens.issue(claims))).toBeNull();
    expect(without.read(rotated.issue(claims))).toEqual(claims);
    expect(() => createAccessTokens({ rootSecrets: [], clock })).toThrow("at least one root secret");
  });
});

describe("on Sim's tables", () => {
  let db: TestDatabase;
  let caller: Caller;
  beforeAll(async () => {
    db = await createTestDatabase();
    caller = openCaller(db.appUrl);
  });
  afterAll(async () => {
    await caller?.close();
    await db?.drop();
  });

  const asBearer = (token: string) => ({ authorization: `Bearer ${token}` });

  async function signIn(endsInSeconds = 3_600) {
    const user = await makeUser(db.owner);
    const session = await makeSession(db.owner, user.id, { expiresAt: secondsFromNow(endsInSeconds) });
    const proof = proofOf(session.token);
    const token = tokens.issue({ sessionId: session.id, proof, endsAtMs: claims.endsAtMs });
    return { userId: user.id, sessionId: session.id, proof, token };
  }

  test("it is its session's, with the proof that every statement looks at, in one look-up", async () => {
    const { token, proof, userId, sessionId } = await signIn();
    caller.takeStatements();
    expect(await caller.authenticate(asBearer(token))).toEqual({
      principal: { kind: "session", userId, sessionId },
      source: "authorization",
      proof,
      endsAtMs: claims.endsAtMs,
    });
    expect(caller.takeStatements()).toHaveLength(1);
  });

  const ENDINGS: Record<string, (session: { userId: string; sessionId: string }) => Promise<unknown>> = {
    "whose session is gone": ({ sessionId }) => db.owner.query("DELETE FROM session WHERE id = $1", [sessionId]),
    "whose session has another token now": ({ sessionId }) =>
      db.owner.query("UPDATE session SET token = 'another' WHERE id = $1", [sessionId]),
    "whose session has expired": ({ sessionId }) =>
      db.owner.query("UPDATE session SET expires_at = $2 WHERE id = $1", [sessionId, secondsFromNow(0).toISOString()]),
    "whose user is banned": ({ userId }) => db.owner.query('UPDATE "user" SET banned = true WHERE id = $1', [userId]),
  };
  test.each(Object.entries(ENDINGS))("one %s is refused", async (_, end) => {
    const session = await signIn();
    expect(await caller.authenticate(asBearer(session.token))).not.toBeNull();
    await end(session);
    await expect(caller.authenticate(asBearer(session.token))).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });

  test("one that is made up asks the database nothing", async () => {
    caller.takeStatements();
    for (const token of ["pat_", "pat_AAAA", `pat_${"A".repeat(200)}`]) {
      await expect(caller.authenticate(asBearer(token))).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    }
    expect(caller.takeStatements()).toEqual([]);
  });
});

test("a remembered credential is not remembered beyond its own end", async () => {
  const time = { now: NOW };
  let asked = 0;
  const cache = createCredentialCache({
    ttlMs: 3_600_000,
    clock: { now: () => time.now },
    authenticator: {
      identify: () => "digest",
      async authenticate() {
        asked += 1;
        return {
          principal: { kind: "session", userId: "u", sessionId: "s" },
          source: "authorization",
          proof: "p",
          endsAtMs: NOW + 10,
        };
      },
    },
  });
  const find = () => cache.find(new Headers(), false);
  await find();
  time.now += 9;
  await find();
  expect(asked).toBe(1);
  time.now += 1;
  await find();
  expect(asked).toBe(2);
});
