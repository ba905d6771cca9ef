import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { toAppError } from "../../server/trpc/errors.ts";
import { connectInUtc, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";

let database: TestDatabase;
let dependencies: Dependencies;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterEach(() => dependencies?.close());
afterAll(() => database?.drop());

/** Two connections at most, for which a call waits so long. */
async function openPool(timeoutSeconds: number): Promise<void> {
  const settings = { DB_POOL_SIZE: "1", DB_MAX_OVERFLOW: "1", DB_POOL_TIMEOUT: String(timeoutSeconds) };
  dependencies = await createTestDependencies(database.appUrl, settings);
}

test("however many calls there are, no more connections are opened than the pool and its overflow", async () => {
  await openPool(60);
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, writer.headers).workspaces;
  const superuser = await connectInUtc(database.superuserUrl);
  try {
    const calls = Promise.all(Array.from({ length: 40 }, () => agents.list({ workspaceId })));
    const outside = Promise.all(
      Array.from({ length: 40 }, () => dependencies.database.sim.query({ name: "one", text: "select 1", values: [] })),
    );
    let most = 0;
    let isServing = true;
    const served = Promise.all([calls, outside]).finally(() => {
      isServing = false;
    });
    while (isServing) {
      const { rows } = await superuser.query<{ count: number }>(
        "select count(*)::int from pg_stat_activity where datname = current_database() and application_name = 'sim-parlant-server'",
      );
      most = Math.max(most, rows[0]?.count ?? 0);
    }
    await served;
    expect(most).toBe(2);
  } finally {
    await superuser.end();
  }
});

test("a call that gets no connection in time is a 503, in a read and in a transaction, and the next one is served", async () => {
  await openPool(1);
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, writer.headers).workspaces;
  await agents.list({ workspaceId });
  await database.owner.query("begin");
  await database.owner.query("lock table parlant.parlant_agent");
  const holding = [1, 2].map(() => agents.list({ workspaceId }).catch((error: unknown) => error));
  await expect.poll(() => dependencies.database.pool().waiting + holding.length).toBeGreaterThan(1);
  const late = [agents.list({ workspaceId }), agents.create({ workspaceId, name: "Late" })];
  for (const outcome of await Promise.allSettled(late)) {
    expect(outcome.status).toBe("rejected");
    if (outcome.status === "rejected") expect(toAppError(outcome.reason)).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  }
  await database.owner.query("rollback");
  await Promise.all(holding);
  expect((await agents.list({ workspaceId })).data).toEqual([]);
});
