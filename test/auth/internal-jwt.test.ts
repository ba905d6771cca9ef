import { SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, makeUser, type TestDatabase } from "../support/database.ts";
import { type Caller, INTERNAL_JWT_SECRET, NOW, openCaller } from "./fixture.ts";

const unauthorized = { code: "UNAUTHORIZED", message: "The credential is not valid or has expired" };
const NOW_SECONDS = NOW / 1_000;
const claims = { type: "internal", iss: "sim-internal", aud: "sim-api", iat: NOW_SECONDS, exp: NOW_SECONDS + 300 };

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

function sign(payload: Record<string, unknown>, { alg = "HS256", secret = INTERNAL_JWT_SECRET } = {}): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

const withToken = (token: string) => caller.authenticate({ authorization: `Bearer ${token}` });
const without = (name: keyof typeof claims) => Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));

describe("an internal token", () => {
  test("without a user is Sim's backend on its own behalf, and nothing is looked up", async () => {
    caller.takeStatements();
    expect(await withToken(await sign(claims))).toEqual({
      principal: { kind: "internal", userId: null },
      source: "authorization",
      proof: null,
      endsAtMs: expect.any(Number),
    });
    expect(caller.takeStatements()).toEqual([]);
  });

  test("with a user acts as that user, in one statement", async () => {
    const user = await makeUser(db.owner);
    caller.takeStatements();
    expect(await withToken(await sign({ ...claims, userId: user.id }))).toMatchObject({
      principal: { kind: "internal", userId: user.id },
    });
    expect(caller.takeStatements()).toHaveLength(1);
  });

  test("may carry claims that are not ours", async () => {
    expect(await withToken(await sign({ ...claims, sandboxProfile: "x", sub: "ignored" }))).toMatchObject({
      principal: { userId: null },
    });
  });
});

describe("an internal token is refused", () => {
  test.each([
    ["another issuer", { ...claims, iss: "sim" }],
    ["no issuer", without("iss")],
    ["another audience", { ...claims, aud: "sim-realtime" }],
    ["no audience", without("aud")],
    ["no expiry", without("exp")],
    ["an expiry that has passed", { ...claims, exp: NOW_SECONDS - 1 }],
    ["an expiry that is now", { ...claims, exp: NOW_SECONDS }],
    ["a start that has not come", { ...claims, nbf: NOW_SECONDS + 60 }],
    ["a delegation type", { ...claims, type: "internal_delegation", serviceId: "executor", sub: "user" }],
    ["another type", { ...claims, type: "Internal" }],
    ["no type", without("type")],
    ["an empty user", { ...claims, userId: "" }],
    ["a user of 129 characters", { ...claims, userId: "u".repeat(129) }],
    ["a user with a NUL", { ...claims, userId: "u\0" }],
    ["a user that is no text", { ...claims, userId: 7 }],
    ["a user that is null", { ...claims, userId: null }],
    ["a user that does not exist", { ...claims, userId: "nobody" }],
  ])("with %s", async (_, payload) => {
    await expect(withToken(await sign(payload))).rejects.toMatchObject(unauthorized);
  });

  test("while its user is banned", async () => {
    const user = await makeUser(db.owner);
    const token = await sign({ ...claims, userId: user.id });
    expect(await withToken(token)).not.toBeNull();
    await db.owner.query(`UPDATE "user" SET banned = true WHERE id = $1`, [user.id]);
    await expect(withToken(token)).rejects.toMatchObject(unauthorized);
  });

  test.each(["HS384", "HS512"])("with %s, even with the right secret", async (alg) => {
    await expect(withToken(await sign(claims, { alg }))).rejects.toMatchObject(unauthorized);
  });

  test("without a signature", async () => {
    await expect(withToken(new UnsecuredJWT(claims).encode())).rejects.toMatchObject(unauthorized);
  });

  test("with another secret, a changed payload or no meaning at all", async () => {
    const [header, payload, signature] = (await sign(claims)).split(".");
    const changed = Buffer.from(JSON.stringify({ ...claims, userId: "admin" })).toString("base64url");
    const bad = [
      await sign(claims, { secret: "another secret of at least 32 characters" }),
      `${header}.${changed}.${signature}`,
      `${header}.${payload}.`,
      `.${payload}.${signature}`,
      "..",
      "a.b.c",
      "\u00ff.\u00ff.\u00ff",
    ];
    for (const token of bad) await expect(withToken(token), token).rejects.toMatchObject(unauthorized);
  });
});
