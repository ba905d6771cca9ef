import { createHash } from "node:crypto";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAccessTokens } from "../../server/auth/access-token.ts";
import { createAuthenticator } from "../../server/auth/authenticator.ts";
import { CURRENT_SIM } from "../../server/db/sim-features.ts";
import {
  createTestDatabase,
  makeApiKey,
  makeSession,
  makeUser,
  signSessionToken,
  type TestDatabase,
} from "../support/database.ts";
import {
  BETTER_AUTH_SECRET,
  type Caller,
  INTERNAL_JWT_SECRET,
  ISOLATION_SECRET,
  NOW,
  openCaller,
  secondsFromNow,
} from "./fixture.ts";

type Headers = Record<string, string>;

let db: TestDatabase;
let caller: Caller;
/** Each credential, good and bad, in the order in which they decide; a later one may stand beside an earlier one. */
let credentials: { good: Headers; bad: Headers; kind: string }[];

beforeAll(async () => {
  db = await createTestDatabase();
  caller = openCaller(db.appUrl);
  const user = await makeUser(db.owner);
  const apiKey = await makeApiKey(db.owner, { userId: user.id });
  const session = await makeSession(db.owner, user.id, { expiresAt: secondsFromNow(60) });
  const signed = signSessionToken(session.token, BETTER_AUTH_SECRET);
  const jwt = await new SignJWT({ type: "internal" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("sim-internal")
    .setAudience("sim-api")
    .setExpirationTime(NOW / 1_000 + 300)
    .sign(new TextEncoder().encode(INTERNAL_JWT_SECRET));
  const access = createAccessTokens({ rootSecrets: [ISOLATION_SECRET], clock: { now: () => NOW } }).issue({
    sessionId: session.id,
    proof: createHash("sha256").update(session.token).digest("hex"),
    endsAtMs: NOW + 1,
  });
  credentials = [
    { kind: "internal", good: { authorization: `Bearer ${jwt}` }, bad: { authorization: `Bearer ${jwt}x` } },
    { kind: "personal_api_key", good: { "x-api-key": apiKey.plain }, bad: { "x-api-key": `${apiKey.plain}x` } },
    { kind: "session", good: { authorization: `Bearer ${signed}` }, bad: { authorization: `Bearer ${session.token}` } },
    {
      kind: "session",
      good: { cookie: `better-auth.session_token=${encodeURIComponent(signed)}` },
      bad: { cookie: `better-auth.session_token=${session.token}` },
    },
    { kind: "session", good: { authorization: `Bearer ${access}` }, bad: { authorization: `Bearer ${access}x` } },
  ];
});
afterAll(async () => {
  await caller?.close();
  await db?.drop();
});

/** Every pair of credentials that one request can carry: two bearer tokens share a header and cannot. */
function pairs() {
  return credentials.flatMap((first, index) =>
    credentials
      .slice(index + 1)
      .filter((second) => !("authorization" in first.good && "authorization" in second.good))
      .map((second) => ({ first, second })),
  );
}

describe("with several credentials", () => {
  test("the first one decides, and a bad one is refused though another would do", async () => {
    expect(pairs()).toHaveLength(7);
    for (const { first, second } of pairs()) {
      const label = `${first.kind} before ${second.kind}`;
      const accepted = await caller.authenticate({ ...second.good, ...first.good });
      expect(accepted?.principal.kind, label).toBe(first.kind);
      expect(await caller.authenticate({ ...second.bad, ...first.good }), label).toEqual(accepted);
      await expect(caller.authenticate({ ...second.good, ...first.bad }), label).rejects.toMatchObject({ code: "UNAUTHORIZED" });
      expect((await caller.authenticate(second.good))?.principal.kind, label).toBe(second.kind);
    }
  });

  test("all refusals read the same, and none repeats the credential", async () => {
    const bodies = new Set<string>();
    for (const { bad } of credentials) {
      const error = await caller.authenticate(bad).catch((caught: unknown) => caught);
      bodies.add(JSON.stringify((error as { toBody(): unknown }).toBody()));
    }
    expect([...bodies]).toEqual([
      JSON.stringify({ code: "UNAUTHORIZED", message: "The credential is not valid or has expired" }),
    ]);
  });
});

test("no credential is nobody, without asking the database", async () => {
  caller.takeStatements();
  expect(await caller.authenticate({})).toBeNull();
  expect(await caller.authenticate({ cookie: "theme=dark", "user-agent": "x" })).toBeNull();
  expect(caller.takeStatements()).toEqual([]);
});

test.each(["betterAuthSecret", "internalJwtSecret"])("a server without a %s does not start", (name) => {
  const options = {
    sim: { query: async () => [] },
    features: CURRENT_SIM,
    clock: { now: () => NOW },
    betterAuthSecret: BETTER_AUTH_SECRET,
    internalJwtSecret: INTERNAL_JWT_SECRET,
    accessTokens: createAccessTokens({ rootSecrets: [ISOLATION_SECRET], clock: { now: () => NOW } }),
    appUrl: "http://localhost:3000",
  };
  expect(() => createAuthenticator({ ...options, [name]: "" })).toThrow(`${name} must have at least 32 characters`);
  expect(() => createAuthenticator(options)).not.toThrow();
});
