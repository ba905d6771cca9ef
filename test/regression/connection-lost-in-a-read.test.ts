import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { toAppError } from "../../server/trpc/errors.ts";
import { type BreakableDatabase, behindBreakableNetwork } from "../support/broken-network.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";

let database: TestDatabase;
let network: BreakableDatabase;
let dependencies: Dependencies;

beforeAll(async () => {
  database = await createTestDatabase();
  network = await behindBreakableNetwork(database.appUrl);
  dependencies = await createTestDependencies(network.url);
});

afterAll(async () => {
  await dependencies?.close();
  network?.cut();
  await network?.close();
  await database?.drop();
});

// An error event without a listener would end this process: vitest fails the run on one.
test("a connection lost under a read or a transaction is a 503, and the next call is served", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, writer.headers).workspaces;
  const { id: agentId } = await agents.create({ workspaceId, name: "Scout" });
  const calls = [
    () => agents.list({ workspaceId }),
    () => agents.get({ workspaceId, agentId }),
    () => agents.update({ workspaceId, agentId, name: "Other" }),
    () => agents.create({ workspaceId, name: "Second" }),
  ];
  for (const call of calls) {
    await database.owner.query("begin");
    await database.owner.query("lock table parlant.parlant_agent");
    const pending = call().catch((error: unknown) => error);
    await expect.poll(waiting).toBeGreaterThan(0);
    network.cut();
    expect(toAppError(await pending)).toMatchObject({ code: "SERVICE_UNAVAILABLE", retryAfterSeconds: 1 });
    await database.owner.query("rollback");
    expect((await agents.list({ workspaceId })).data.map(({ name }) => name)).toEqual(["Scout"]);
  }
});

async function waiting(): Promise<number> {
  const { rows } = await database.owner.query<{ count: number }>(
    "select count(*)::int from pg_locks where not granted and relation = 'parlant.parlant_agent'::regclass",
  );
  return rows[0]?.count ?? 0;
}
