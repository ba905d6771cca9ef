import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDenialSignals, type RepeatedDenials } from "../../server/audit/denial-signals.ts";
import { readTrail } from "../support/audit-trail.ts";
import { makeApiKey, makeSession, signSessionToken } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith, TEST_BETTER_AUTH_SECRET } from "../support/services.ts";
import { makeSignedInUser, makeStaffedWorkspace } from "../support/workspace.ts";

const user = (userId: string) => ({ principal: { kind: "session", userId, sessionId: "s" } }) as const;

function makeSignals(limitPerMinute: number) {
  const raised: RepeatedDenials[] = [];
  const clock = { nowMs: 1_800_000_000_000, now: () => clock.nowMs };
  const signals = createDenialSignals({ limitPerMinute, clock, raise: (event) => raised.push(event) });
  const isSlowed = (who: Parameters<typeof signals.assertNotSlowed>[0]) => {
    try {
      signals.assertNotSlowed(who);
      return false;
    } catch {
      return true;
    }
  };
  return { signals, raised, clock, isSlowed };
}

describe("the counter", () => {
  test("slows a principal down for the rest of its minute, and no other", () => {
    const { signals, clock, isSlowed } = makeSignals(20);
    for (let count = 0; count < 20; count++) {
      expect(isSlowed(user("a"))).toBe(false);
      signals.count(user("a"), "w");
    }
    expect(isSlowed(user("a"))).toBe(true);
    expect(isSlowed(user("b"))).toBe(false);
    expect(isSlowed({ address: "a" })).toBe(false);
    expect(() => signals.assertNotSlowed(user("a"))).toThrow(expect.objectContaining({ retryAfterSeconds: 60 }));
    clock.nowMs += 60_000;
    expect(isSlowed(user("a"))).toBe(false);
    expect(signals.counters).toMatchObject({ refusals: 20, repeated: 1, slowed: 2 });
  });

  test("control: without a limit nobody is slowed down, and repeated refusals are told all the same", () => {
    const { signals, raised, isSlowed } = makeSignals(0);
    for (let count = 0; count < 1_000; count++) signals.count(user("a"), "w");
    expect(isSlowed(user("a"))).toBe(false);
    expect(raised).toHaveLength(1);
  });

  test("tells each workspace concerned once in a window, of its own attempts alone", () => {
    const { signals, raised, clock } = makeSignals(120);
    for (let count = 0; count < 7; count++) signals.count(user("a"), "w1");
    expect(raised).toEqual([]);
    for (let count = 0; count < 30; count++) signals.count(user("a"), "w2");
    signals.count(user("a"), "w3");
    expect(raised.map(({ workspaceId, attempts }) => [workspaceId, attempts])).toEqual([
      ["w1", 7],
      ["w2", 3],
      ["w3", 1],
    ]);
    clock.nowMs += 60_000;
    for (let count = 0; count < 10; count++) signals.count(user("a"), "w1");
    expect(raised).toHaveLength(4);
  });

  test("remembers a bounded number of callers and workspaces, and addresses cannot crowd out principals", () => {
    const { signals, raised, isSlowed } = makeSignals(5);
    for (let count = 0; count < 5; count++) signals.count(user("a"), "w");
    for (let count = 0; count < 60_000; count++)
      signals.count({ address: `10.${count >> 16}.${(count >> 8) & 255}.${count & 255}` }, null);
    expect(isSlowed(user("a"))).toBe(true);
    const before = raised.length;
    for (let count = 0; count < 1_000; count++) signals.count(user("b"), `w${count}`);
    expect(raised.length - before).toBe(50);
  });

  test("the addresses of one IPv6 network are one, and an address of version 4 in other clothes is itself", () => {
    const { signals, isSlowed } = makeSignals(3);
    for (const host of ["::1", ":1::", ":ffff:1:2:3"]) signals.count({ address: `2001:db8:0:7${host}` }, null);
    expect(isSlowed({ address: "2001:0db8::7:0:0:0:9" })).toBe(true);
    expect(isSlowed({ address: "2001:db8:0:8::1" })).toBe(false);
    for (let count = 0; count < 3; count++) signals.count({ address: "::ffff:192.0.2.1" }, null);
    expect(isSlowed({ address: "192.0.2.1" })).toBe(true);
    expect(isSlowed({ address: "::ffff:192.0.2.2" })).toBe(false);
  });
});

describe("the server", () => {
  const LIMIT = 12;
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: String(LIMIT) });
  });
  afterAll(() => server?.stop());

  const list = (workspaceId: string, headers: Record<string, string>) =>
    fetch(`${server.url}/api/v1/workspaces/${workspaceId}/agents`, { headers });
  const get = (workspaceId: string, agentId: string, headers: Record<string, string>) =>
    fetch(`${server.url}/api/v1/workspaces/${workspaceId}/agents/${agentId}`, { headers });

  async function statusesOf(call: () => Promise<Response>, times: number): Promise<number[]> {
    const statuses: number[] = [];
    for (let count = 0; count < times; count++) statuses.push((await call()).status);
    return statuses;
  }

  test("a stranger that tries on is told to wait, in its own workspace too, and raises one alarm in each it tried", async () => {
    const [one, other] = [await makeStaffedWorkspace(server.database.owner), await makeStaffedWorkspace(server.database.owner)];
    const { admin: intruder } = await makeStaffedWorkspace(server.database.owner);
    expect(await statusesOf(() => list(one.id, intruder.headers), LIMIT - 1)).toEqual(Array(LIMIT - 1).fill(404));
    expect((await list(other.id, intruder.headers)).status).toBe(404);
    const slowed = await list(one.id, intruder.headers);
    expect(slowed.status).toBe(429);
    expect(Number(slowed.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await slowed.json()).toMatchObject({ error: { code: "RATE_LIMITED" } });
    await server.dependencies.services.audit.trail.flush();
    for (const workspace of [one, other]) {
      const alarms = (await readTrail(server.database, workspace.id)).filter(({ action }) => action.startsWith("security."));
      expect(alarms).toMatchObject([{ action: "security.repeated_denials", actor_id: intruder.id, ip_address: null }]);
    }
    // From the same address everybody else is served.
    expect((await list(one.id, one.reader.headers)).status).toBe(200);
  });

  test("a 429 comes as soon for what is not there as for what is another's or hidden", async () => {
    const { owner } = server.database;
    const workspace = await makeStaffedWorkspace(owner);
    const { agents } = callerWith(server.dependencies, workspace.admin.headers).workspaces;
    const { id: hidden } = await agents.create({ workspaceId: workspace.id, name: "Hidden", visibility: "restricted" });
    const MISSING = "01890000-0000-7000-8000-000000000000";
    const expected = [...Array(LIMIT).fill(404), 429];
    for (const workspaceId of [workspace.id, "no-such-workspace"]) {
      const stranger = await makeSignedInUser(owner);
      expect(await statusesOf(() => list(workspaceId, stranger.headers), LIMIT + 1)).toEqual(expected);
    }
    expect(await statusesOf(() => get(workspace.id, hidden, workspace.reader.headers), LIMIT + 1)).toEqual(expected);
    expect(await statusesOf(() => get(workspace.id, MISSING, workspace.writer.headers), LIMIT + 1)).toEqual(expected);
  });

  test("one key of a user is slowed down for itself", async () => {
    const { owner } = server.database;
    const workspace = await makeStaffedWorkspace(owner);
    const key = await makeApiKey(owner, { userId: workspace.reader.id });
    const calls = await statusesOf(() => list("elsewhere", { "x-api-key": key.plain }), LIMIT + 1);
    expect(calls.at(-1)).toBe(429);
    expect((await list(workspace.id, workspace.reader.headers)).status).toBe(200);
  });

  test("what other pages make a user's browser send does not lock the user out", async () => {
    const { owner } = server.database;
    const { id, admin } = await makeStaffedWorkspace(owner);
    const { token } = await makeSession(owner, admin.id);
    const cookie = `better-auth.session_token=${encodeURIComponent(signSessionToken(token, TEST_BETTER_AUTH_SECRET))}`;
    const forge = () =>
      fetch(`${server.url}/api/v1/workspaces/${id}/agents`, { method: "POST", headers: { cookie }, body: "{}" });
    expect(await statusesOf(forge, LIMIT + 3)).toEqual(Array(LIMIT + 3).fill(403));
    for (const from of [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "same-site", origin: "http://sibling.localhost:3000" },
      {},
    ] as Record<string, string>[]) {
      expect(await statusesOf(() => list("elsewhere", { cookie, ...from }), LIMIT + 3)).toEqual(Array(LIMIT + 3).fill(404));
    }
    expect((await list(id, { cookie })).status).toBe(200);
  });

  test("control: what a user's own pages and address bar send counts", async () => {
    const { owner } = server.database;
    for (const from of [
      { "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "none" },
      { "sec-fetch-site": "same-site", origin: "http://localhost:3000" },
    ] as Record<string, string>[]) {
      const { admin } = await makeStaffedWorkspace(owner);
      const { token } = await makeSession(owner, admin.id);
      const cookie = `better-auth.session_token=${encodeURIComponent(signSessionToken(token, TEST_BETTER_AUTH_SECRET))}`;
      expect((await statusesOf(() => list("elsewhere", { cookie, ...from }), LIMIT + 1)).at(-1)).toBe(429);
    }
  });

  test("an address that sends credentials which are none is told to wait, and good ones from it are served", async () => {
    const { id, reader } = server.workspace;
    const wrong = (count: number) => list(id, { "x-api-key": `sk-sim-wrong-${count}` });
    let count = 0;
    expect((await statusesOf(() => wrong(count++), LIMIT + 1)).slice(-2)).toEqual([401, 429]);
    expect((await list(id, {})).status).toBe(401);
    expect((await list(id, reader.headers)).status).toBe(200);
  });
});
