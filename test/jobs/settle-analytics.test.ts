import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { settleAnalytics } from "../../server/jobs/settle-analytics.ts";
import { connectInUtc, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createTestDependencies } from "../support/services.ts";
import { makeSessionWorld, says } from "../workspaces/sessions/fixture.ts";

let database: TestDatabase;
let dependencies: Dependencies;
let superuser: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl);
  superuser = await connectInUtc(database.superuserUrl);
});

afterAll(async () => {
  await superuser?.end();
  await dependencies?.close();
  await database?.drop();
});

async function sweep(name: string): Promise<unknown> {
  const found = dependencies.sweeps.find((one) => one.name === name);
  if (!found) throw new Error(`There is no sweep "${name}"`);
  return found.run(new AbortController().signal);
}

test("the frequent sweep settles what was active within a day and has been quiet, the daily one all that is left", async () => {
  const { workspaceId, open, as, writer } = await makeSessionWorld(database, dependencies);
  const quietFor = async (interval: string) => {
    const { id: sessionId } = await open(writer);
    await as(writer).events.append({ workspaceId, sessionId, events: [says("Hello")] });
    await superuser.query("update parlant.parlant_session set last_activity_at = now() - $2::interval where id = $1", [
      sessionId,
      interval,
    ]);
    return sessionId;
  };
  const [speaking, quiet, old] = [await quietFor("1 minute"), await quietFor("30 minutes"), await quietFor("3 days")];
  const settled = async () => {
    const { rows } = await superuser.query<{ id: string }>(
      "select distinct session_id as id from parlant.parlant_session_activity",
    );
    return rows.map(({ id }) => id).sort();
  };
  expect(await sweep("analytics.settle")).toBe(1);
  expect(await settled()).toEqual([quiet]);
  expect(await sweep("analytics.settle-all")).toBe(1);
  expect(await settled()).toEqual([quiet, old].sort());
  expect(await settled()).not.toContain(speaking);
});

test("a statement takes so many sessions and events, and goes on behind those that it cannot settle", async () => {
  const { workspaceId, open, as, writer } = await makeSessionWorld(database, dependencies);
  const ids: string[] = [];
  for (let count = 0; count < 7; count++) {
    const { id: sessionId } = await open(writer);
    await as(writer).events.append({ workspaceId, sessionId, events: [says("one"), says("two")] });
    ids.push(sessionId);
  }
  await superuser.query("update parlant.parlant_session set last_activity_at = now() - interval '1 hour' where id = any ($1)", [
    ids,
  ]);
  // These say that they have events which are not there, the first of them more than a statement takes.
  const [much, few] = ids.sort();
  await superuser.query("update parlant.parlant_session set event_count = 5000 where id = $1", [much]);
  await superuser.query("delete from parlant.parlant_event where session_id = any ($1)", [[much, few]]);
  const bounds = [
    { takeSessions: 1, takeEvents: 100 },
    { takeSessions: 100, takeEvents: 3 },
    { takeSessions: 2, takeEvents: 100 },
  ];
  const { openWorkspace, sim } = dependencies.database;
  const { clock, log } = dependencies.services;
  for (const bound of bounds) {
    await superuser.query("delete from parlant.parlant_session_activity where workspace_id = $1", [workspaceId]);
    const [often] = settleAnalytics({ openWorkspace, sim, clock, log, ...bound });
    expect(await often?.run(new AbortController().signal)).toBe(5);
    expect(await often?.run(new AbortController().signal)).toBe(0);
  }
});
