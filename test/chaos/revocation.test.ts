import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type History, judgedCalls, staleAllows } from "./history.ts";
import { recordRounds } from "./revocation-rounds.ts";
import { type MakeAgent, makeSubjects } from "./revocations.ts";
import { startFleet } from "./server-fleet.ts";

const ROUNDS = process.env["ISOLATION_FUZZ"] === "long" ? 10_000 : 210;
const CONTROL_ROUNDS = 35;
const SERVERS = 3;
const KINDS = ["API key", "archive", "ban", "grant", "organization role", "permission row", "session"];

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database?.drop());

async function record(guard: "guarded" | "unguarded", rounds: number): Promise<History> {
  const fleet = await startFleet(SERVERS, database.appUrl, guard);
  try {
    const makeAgent: MakeAgent = async (workspaceId, headers, agent) => {
      const response = await fetch(`${fleet.urls[0]}/api/v1/workspaces/${workspaceId}/agents`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(agent),
      });
      return ((await response.json()) as { id: string }).id;
    };
    const subjects = await makeSubjects(database.owner, database.superuserUrl, makeAgent);
    return await recordRounds(fleet.urls, subjects, rounds);
  } finally {
    await fleet.stop();
  }
}

test(`no call on ${SERVERS} servers that began after a revocation was committed is let through, in ${ROUNDS} rounds`, {
  timeout: 3_600_000,
}, async () => {
  const startedAt = performance.now();
  const history = await record("guarded", ROUNDS);
  const judged = judgedCalls(history);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(`${history.revocations.length} revocations, ${history.calls.length} calls, ${judged} judged, in ${seconds} s`);
  expect([...new Set(history.revocations.map(({ kind }) => kind))].sort()).toEqual(KINDS);
  expect(history.revocations).toHaveLength(ROUNDS);
  expect(judged).toBeGreaterThanOrEqual(ROUNDS * SERVERS);
  expect(staleAllows(history)).toEqual([]);
});

test("control: with the guard off the same rounds hold calls that were let through after the revocation", {
  timeout: 120_000,
}, async () => {
  const stale = staleAllows(await record("unguarded", CONTROL_ROUNDS).catch((error: unknown) => Promise.reject(error)));
  expect(stale.length).toBeGreaterThan(CONTROL_ROUNDS);
  expect(stale.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["archive", "permission row", "session"]));
});
