import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../server/db/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type PosingPooler, type PosingPoolerOptions, startPosingPooler } from "../support/posing-pooler.ts";

let database: TestDatabase;
let pooler: PosingPooler;
let client: Database;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await client.close();
  await pooler.close();
});
afterAll(() => database?.drop());

/** Makes the same bound and unbound statements twice through it, and gives the names under which they were parsed. */
async function namesParsed(options: PosingPoolerOptions): Promise<string[]> {
  pooler = await startPosingPooler(database.appUrl, options);
  client = openDatabase({ url: pooler.url, poolSize: 1, maxOverflow: 0, poolTimeoutSeconds: 10, onError() {} });
  const prelude = { name: "system", text: "select parlant.parlant_enter_system($1, $2)", values: ["a", "test"] };
  const db = client.openWorkspace({ workspaceId: "a", prelude });
  for (let turn = 0; turn < 2; turn++) {
    expect(await db.workspaceState.findMany({})).toEqual([]);
    expect(await db.transaction((tx) => tx.workspaceState.findMany({}))).toEqual([]);
    expect(await client.sim.query({ name: "settings", text: SETTINGS, values: [] })).toEqual([
      { statement: "15s", lock: "3s", idle: "30s", zone: "UTC" },
    ]);
  }
  return pooler.parsed.filter((name) => !name.startsWith("setup_"));
}

const SETTINGS = `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
  current_setting('idle_in_transaction_session_timeout') as idle, current_setting('timezone') as zone`;

/** BEGIN of the two transactions has no name in any case. */
const UNNAMED = 2;

test("on a session of its own a connection prepares each statement once, by name", async () => {
  const names = await namesParsed({ isPidItsOwn: false });
  const named = names.filter((name) => name !== "");
  expect(new Set(named).size).toBe(named.length);
  expect(named).toEqual(expect.arrayContaining(["system", "settings"]));
  expect(names.length - named.length).toBe(UNNAMED);
});

test("behind a pooler that keeps track of names it does so too, and sets its timeouts in each transaction", async () => {
  const names = await namesParsed({ isPidItsOwn: true, rename: (name) => `kept_${name}` });
  const named = names.filter((name) => name !== "");
  expect(new Set(named).size).toBe(named.length);
  expect(named).toEqual(expect.arrayContaining(["system", "settings", "set_timeouts"]));
  expect(names.length - named.length).toBe(UNNAMED);
});

test("behind a pooler that keeps none it sends every statement whole, under no name", async () => {
  const names = await namesParsed({ isPidItsOwn: true });
  expect(names.filter((name) => name !== "")).toEqual([]);
  expect(names.length).toBeGreaterThan(12);
});
