import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../server/db/client.ts";
import { decodeHints, encodeHints, type HeardHint, type Hint } from "../../server/db/hint.ts";
import { behindBreakableNetwork } from "../support/broken-network.ts";
import { withConnection } from "../support/connection.ts";
import { connectInUtc, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startPosingPooler } from "../support/posing-pooler.ts";

let database: TestDatabase;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
afterAll(() => database?.drop());

interface Instance extends Database {
  heard: HeardHint[];
  logged: string[];
}

/** An instance with its own pool, as a process has one; what it is told lies in `heard`. */
async function startInstance(url = database.appUrl, isListening = true): Promise<Instance> {
  const logged: string[] = [];
  const note = (...parts: unknown[]) => void logged.push(String(parts.at(-1)));
  const client = openDatabase({
    ...{ url, poolSize: 1, maxOverflow: 1, poolTimeoutSeconds: 10, onError() {} },
    log: { info: note, warn: note, error: note },
    listening: { pingIntervalMs: 50, pingTimeoutMs: 200, backoffMs: 10, maxBackoffMs: 50 },
  });
  open.push(client);
  const heard: HeardHint[] = [];
  client.hints.subscribe((hint) => void heard.push(hint));
  if (isListening) await client.hints.start();
  heard.length = 0;
  return Object.assign(client, { heard, logged });
}

const inWorkspace = (client: Database, workspaceId: string) =>
  client.openWorkspace({
    workspaceId,
    prelude: { name: "system", text: "select parlant.parlant_enter_system($1, $2)", values: [workspaceId, "test"] },
  });

/** What everybody who listens on the channel is sent. */
async function tapChannel(): Promise<string[]> {
  const tap = await connectInUtc(database.ownerUrl);
  open.push({ close: () => tap.end() });
  const payloads: string[] = [];
  tap.on("notification", ({ payload }) => payloads.push(payload ?? ""));
  await tap.query("LISTEN parlant_hints");
  return payloads;
}

const permissionsOf = (userId: string): Hint => ({ kind: "permissions", workspaceId: "a", userId });

test("every instance is told of a hint, each once, and the one that tells it before it goes on", async () => {
  const [one, other] = [await startInstance(), await startInstance()];
  await one.hints.publish(permissionsOf("u"));
  expect(one.heard).toEqual([permissionsOf("u")]);
  await expect.poll(() => other.heard).toEqual([permissionsOf("u")]);
  await other.hints.publish({ kind: "workspace", workspaceId: "a" });
  await expect.poll(() => one.heard).toEqual([permissionsOf("u"), { kind: "workspace", workspaceId: "a" }]);
  expect(other.heard).toEqual([permissionsOf("u"), { kind: "workspace", workspaceId: "a" }]);
});

test("a hint in a transaction is told with its commit; one that is rolled back is told to nobody", async () => {
  const [one, other] = [await startInstance(), await startInstance()];
  const db = inWorkspace(one, "a");
  const failed = db.transaction(async (tx) => {
    await tx.publishHint(permissionsOf("rolled back"));
    throw new Error("changed its mind");
  });
  await expect(failed).rejects.toThrow("changed its mind");
  await db.transaction(async (tx) => {
    await tx.publishHint(permissionsOf("committed"));
    expect(one.heard).toEqual([]);
  });
  expect(one.heard).toEqual([permissionsOf("committed")]);
  await expect.poll(() => other.heard).toEqual([permissionsOf("committed")]);
});

test("thousands of announcements are few notifications, and each session's is told once in each", async () => {
  const [one, other] = [await startInstance(), await startInstance()];
  const payloads = await tapChannel();
  const sessions = Array.from({ length: 20 }, () => randomUUID());
  for (let turn = 0; turn < 500; turn++) {
    for (const sessionId of sessions) one.hints.announce({ kind: "events", workspaceId: "a", sessionId });
  }
  expect(one.heard).toHaveLength(10_000);
  await expect.poll(() => other.heard.length).toBe(20);
  expect(payloads.length).toBe(1);
  // Control: published one by one they are as many.
  for (const sessionId of sessions) await one.hints.publish({ kind: "events", workspaceId: "a", sessionId });
  await expect.poll(() => payloads.length).toBe(21);
});

test("after its connection is ended an instance hears again, and is told that it may have missed something", async () => {
  const [one, other] = [await startInstance(), await startInstance()];
  await withConnection(database.superuserUrl, (admin) =>
    admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like '% hints'",
    ),
  );
  await expect.poll(() => other.heard).toEqual([{ kind: "missed" }]);
  await expect.poll(() => one.hints.state()).toMatchObject({ state: "listening", losses: 1 });
  await one.hints.publish(permissionsOf("u"));
  await expect.poll(() => other.heard).toEqual([{ kind: "missed" }, permissionsOf("u")]);
  expect(other.logged).toEqual([expect.stringContaining("are not heard"), expect.stringContaining("heard again")]);
});

test("a connection that is silently dead is found out and made anew", async () => {
  const network = await behindBreakableNetwork(database.appUrl);
  open.push(network);
  const [one, other] = [await startInstance(), await startInstance(network.url)];
  network.freeze();
  await one.hints.publish(permissionsOf("missed"));
  await expect.poll(() => other.heard, { timeout: 5_000 }).toEqual([{ kind: "missed" }]);
  await one.hints.publish(permissionsOf("u"));
  await expect.poll(() => other.heard).toEqual([{ kind: "missed" }, permissionsOf("u")]);
  network.cut();
});

test("behind a pooler that lends sessions hints are off, it is said once, and nothing is left listening there", async () => {
  const pooler = await startPosingPooler(database.appUrl, { isPidItsOwn: true });
  open.push(pooler);
  const pooled = await startInstance(pooler.url);
  expect(pooled.hints.state().state).toBe("off");
  expect(pooled.logged).toEqual([expect.stringContaining("hints between instances are off")]);
  const listening = () =>
    database.owner.query("select from pg_stat_activity where datname = current_database() and application_name like '% hints'");
  await expect.poll(async () => (await listening()).rowCount).toBe(0);
  // It tells the others all the same, and hears itself.
  const other = await startInstance();
  await inWorkspace(pooled, "a").transaction((tx) => tx.publishHint(permissionsOf("u")));
  expect(pooled.heard).toEqual([permissionsOf("u")]);
  await expect.poll(() => other.heard).toEqual([permissionsOf("u")]);
});

test("what is no hint is counted and told to nobody", async () => {
  const one = await startInstance();
  const payloads = [
    "",
    "no JSON",
    "[]",
    '{"from":"x","hints":[{"kind":"permissions","workspaceId":"a"}]}',
    '{"from":"x","hints":[{"kind":"workspace","workspaceId":""}]}',
    `{"from":"x","hints":[{"kind":"workspace","workspaceId":"${"w".repeat(129)}"}]}`,
    '{"from":"x","hints":[{"kind":"missed"}]}',
    '{"from":"x","hints":[{"kind":"events","workspaceId":"a","sessionId":"../.."}]}',
    '{"from":"x","hints":[{"kind":"workspace","workspaceId":"a","secret":"s"}]}',
    '{"from":"x","hints":{"__proto__":{}}}',
  ];
  for (const payload of payloads) await database.owner.query("select pg_notify('parlant_hints', $1)", [payload]);
  await expect.poll(() => one.hints.state().malformed).toBe(payloads.length);
  expect(one.heard).toEqual([]);
  await database.owner.query("select pg_notify('parlant_hints', $1)", [encodeHints("x", [permissionsOf("u")])[0]]);
  await expect.poll(() => one.heard).toEqual([permissionsOf("u")]);
});

test("a listener that fails keeps no other from being told, and one that was taken away is told no more", async () => {
  const one = await startInstance(database.appUrl, false);
  const told: HeardHint[] = [];
  one.hints.subscribe(() => {
    throw new Error("a defect");
  });
  const unsubscribe = one.hints.subscribe((hint) => void told.push(hint));
  await one.hints.publish(permissionsOf("u"));
  unsubscribe();
  await one.hints.publish(permissionsOf("v"));
  expect([told, one.heard.length]).toEqual([[permissionsOf("u")], 2]);
  expect(one.logged).toEqual(["a listener failed at a hint", "a listener failed at a hint"]);
});

test("with the database away nothing is told to others, and this instance goes on", async () => {
  const network = await behindBreakableNetwork(database.appUrl);
  const one = await startInstance(network.url);
  const closed = network.close();
  network.cut();
  await closed;
  await expect(one.hints.publish(permissionsOf("u"))).rejects.toThrow();
  one.hints.announce(permissionsOf("v"));
  expect(one.heard).toEqual([permissionsOf("u"), permissionsOf("v")]);
  await expect.poll(() => one.logged).toContainEqual(expect.stringContaining("hints could not be sent"));
});

test("payloads are as few as PostgreSQL's limit lets them be, and no id is so long that its hint does not fit", () => {
  const longest = "\u0001".repeat(128);
  const hints: Hint[] = Array.from({ length: 30 }, (_, index) => ({
    kind: "permissions",
    workspaceId: longest,
    userId: `${"\u{1f600}".repeat(63)}${index % 10}${Math.floor(index / 10)}`,
  }));
  const payloads = encodeHints(randomUUID(), [...hints, ...hints]);
  expect(payloads.every((payload) => Buffer.byteLength(payload) < 8_000)).toBe(true);
  expect(payloads.length).toBeLessThan(10);
  expect(payloads.flatMap((payload) => decodeHints(payload)?.hints)).toEqual(hints);
});
