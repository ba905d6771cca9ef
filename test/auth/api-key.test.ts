import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTestDatabase, makeApiKey, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";
import { type Caller, openCaller, secondsFromNow } from "./fixture.ts";

const unauthorized = { code: "UNAUTHORIZED", message: "The credential is not valid or has expired" };

let db: TestDatabase;
let caller: Caller;

beforeAll(async () => {
  db = await createTestDatabase();
  caller = openCaller(db.appUrl);
});
beforeEach(() => {
  caller.takeStatements();
});
afterAll(async () => {
  await caller?.close();
  await db?.drop();
});

const withKey = (key: string) => ({ "x-api-key": key });
const snapshot = async () => (await db.owner.query("SELECT * FROM api_key ORDER BY id")).rows;

async function makePersonalKey(expiresAt?: Date) {
  const user = await makeUser(db.owner);
  const key = await makeApiKey(db.owner, { userId: user.id, ...(expiresAt && { expiresAt }) });
  return { userId: user.id, key: key.plain, keyId: key.id };
}

describe("an API key", () => {
  test("that is personal is its user's, in one statement that never sees the stored key", async () => {
    const { userId, key, keyId } = await makePersonalKey();
    expect(await caller.authenticate(withKey(key))).toEqual({
      principal: { kind: "personal_api_key", userId, keyId },
      source: "x-api-key",
      proof: createHash("sha256").update(key).digest("hex"),
    });
    const statements = caller.takeStatements();
    expect(statements).toHaveLength(1);
    expect(statements[0]?.values).not.toContain(key);
    expect(statements[0]?.text).not.toMatch(/k\.key\b|\*|last_used/);
  });

  test("of a workspace is the workspace's and no user's", async () => {
    const user = await makeUser(db.owner);
    const workspace = await makeWorkspace(db.owner, { ownerId: user.id });
    const key = await makeApiKey(db.owner, { userId: user.id, workspaceId: workspace.id });
    expect(await caller.authenticate(withKey(key.plain))).toEqual({
      principal: { kind: "workspace_api_key", keyId: key.id, workspaceId: workspace.id },
      source: "x-api-key",
      proof: createHash("sha256").update(key.plain).digest("hex"),
    });
  });

  test("has either prefix", async () => {
    const { userId, keyId } = await makePersonalKey();
    for (const key of ["sim_0123456789", `sk-sim-${"k".repeat(190)}`]) {
      await db.owner.query("UPDATE api_key SET key_hash = $2 WHERE id = $1", [keyId, sha256Hex(key)]);
      expect(await caller.authenticate(withKey(key))).toMatchObject({ principal: { userId } });
    }
  });

  test("leaves no trace of its use in Sim's row", async () => {
    const { key } = await makePersonalKey();
    const before = await snapshot();
    await caller.authenticate(withKey(key));
    expect(before).not.toEqual([]);
    expect(await snapshot()).toEqual(before);
  });
});

describe("an API key is refused", () => {
  test("when it has expired, to the second", async () => {
    const expired = await makePersonalKey(secondsFromNow(-1));
    const expiring = await makePersonalKey(secondsFromNow(1));
    await expect(caller.authenticate(withKey(expired.key))).rejects.toMatchObject(unauthorized);
    expect(await caller.authenticate(withKey(expiring.key))).toMatchObject({ principal: { keyId: expiring.keyId } });
  });

  test("while the user who made it is banned, a workspace's too", async () => {
    const user = await makeUser(db.owner);
    const workspace = await makeWorkspace(db.owner, { ownerId: user.id });
    const personal = await makeApiKey(db.owner, { userId: user.id });
    const shared = await makeApiKey(db.owner, { userId: user.id, workspaceId: workspace.id });
    await db.owner.query(`UPDATE "user" SET banned = true WHERE id = $1`, [user.id]);
    for (const key of [personal, shared]) {
      await expect(caller.authenticate(withKey(key.plain))).rejects.toMatchObject(unauthorized);
    }
    await db.owner.query(`UPDATE "user" SET ban_expires = $2 WHERE id = $1`, [user.id, "2026-01-15 11:59:59"]);
    for (const key of [personal, shared]) expect(await caller.authenticate(withKey(key.plain))).not.toBeNull();
  });

  test("when its shape cannot be a key's, though such a hash is stored, without asking the database", async () => {
    const { keyId } = await makePersonalKey();
    for (const key of [
      "",
      "sim_",
      "sim_012345",
      `sk-sim-${"k".repeat(193)}`,
      "SIM_0123456789",
      "sk-0123456789",
      "x sim_0123456789",
    ]) {
      await db.owner.query("UPDATE api_key SET key_hash = $2 WHERE id = $1", [keyId, sha256Hex(key)]);
      await expect(caller.authenticate(withKey(key)), key).rejects.toMatchObject(unauthorized);
    }
    expect(caller.takeStatements()).toEqual([]);
  });

  test("when it is unknown, or only its hash is presented", async () => {
    const { key } = await makePersonalKey();
    for (const wrong of [`${key}x`, `sim_${sha256Hex(key)}`, key.toUpperCase(), `${key}, ${key}`]) {
      await expect(caller.authenticate(withKey(wrong)), wrong).rejects.toMatchObject(unauthorized);
    }
  });

  test("as a bearer token; a header that is not ours is no credential", async () => {
    const { key } = await makePersonalKey();
    await expect(caller.authenticate({ authorization: `Bearer ${key}` })).rejects.toMatchObject(unauthorized);
    expect(await caller.authenticate({ "x-admin-key": key, "api-key": key })).toBeNull();
  });

  test("by a Sim that keeps no hashes, without asking the database", async () => {
    const { key } = await makePersonalKey();
    const older = openCaller(db.appUrl, { features: { apiKeyHash: false } });
    await expect(older.authenticate(withKey(key))).rejects.toMatchObject(unauthorized);
    expect(older.takeStatements()).toEqual([]);
    await older.close();
  });
});

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
