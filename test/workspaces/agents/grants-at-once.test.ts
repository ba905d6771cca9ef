import { afterAll, beforeAll, expect, test } from "vitest";
import { createDependencies, type Dependencies } from "../../../server/dependencies.ts";
import { ACCESS_LEVELS } from "../../../server/permissions/levels.ts";
import { createLogger } from "../../../server/shared/logger.ts";
import { readTrail } from "../../support/audit-trail.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callerWith, testEnv } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestUser } from "../../support/workspace.ts";

let server: TestServer;
/** A second instance on the same database. */
let other: Dependencies;
/** Where it stands still, the clock of a third; null while it runs. */
const stoppedAtMs: number | null = null;
let stoppable: Dependencies;

beforeAll(async () => {
  server = await startTestServer({ PERMISSION_CACHE_TTL: "3600" });
  const env = testEnv(server.database.appUrl, { PERMISSION_CACHE_TTL: "3600" });
  other = await createDependencies(env, createLogger("error"));
  stoppable = await createDependencies(env, createLogger("error"), { now: () => stoppedAtMs ?? Date.now() });
});

afterAll(async () => {
  await other?.close();
  await stoppable?.close();
  await server?.stop();
});

const agentsOf = ({ headers }: Pick<TestUser, "headers">, dependencies = server.dependencies) =>
  callerWith(dependencies, headers).workspaces.agents;

async function makeAgent(visibility: "workspace" | "restricted" = "restricted") {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { id: agentId } = await agentsOf(workspace.admin).create({ workspaceId: workspace.id, name: "Scout", visibility });
  const ref = { workspaceId: workspace.id, agentId };
  return { ...workspace, ref, grants: agentsOf(workspace.admin).grants };
}

const NOT_FOUND = { code: "NOT_FOUND", message: "Agent not found" };

test("sets and removals at once leave one of their outcomes, and a trail in which each begins where the last ended", async () => {
  const { ref, reader, admin, grants } = await makeAgent();
  const userId = reader.id;
  const calls = Array.from({ length: 24 }, (_, index) =>
    index % 3 === 2
      ? grants.remove({ ...ref, userId })
      : agentsOf(admin, other).grants.set({ ...ref, userId, level: ACCESS_LEVELS[index % 5] ?? "view" }),
  );
  const outcomes = await Promise.allSettled(calls);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "NOT_FOUND", message: "Grant not found" });
  }
  const trail = (await readTrail(server.database, ref.workspaceId)).filter(
    ({ action, outcome }) => action.startsWith("agent.grant") && outcome === "success",
  );
  // Ids made in the same millisecond are in no order, so the chain is followed by its links.
  const links = trail.map(({ before, after }) => [JSON.stringify(before), JSON.stringify(after)]);
  const { data } = await grants.list(ref);
  const present = JSON.stringify(data[0] ? { userId, level: data[0].level, expiresAt: null } : null);
  const balance = new Map<string | undefined, number>();
  for (const [before, after] of links) {
    balance.set(before, (balance.get(before) ?? 0) - 1);
    balance.set(after, (balance.get(after) ?? 0) + 1);
  }
  const odd = [...balance].filter(([, count]) => count !== 0);
  expect(odd).toEqual(
    present === "null"
      ? []
      : expect.arrayContaining([
          ["null", -1],
          [present, 1],
        ]),
  );
  expect(odd.length).toBeLessThanOrEqual(2);
});

test("a change under a grant that is being taken away waits for it, and is then refused", async () => {
  const { ref, writer, grants } = await makeAgent();
  await grants.set({ ...ref, userId: writer.id, level: "configure" });
  await agentsOf(writer).list({ workspaceId: ref.workspaceId });
  const { owner } = server.database;
  await owner.query("begin");
  await owner.query("select parlant.parlant_enter_system($1, 'test')", [ref.workspaceId]);
  await owner.query("select 1 from parlant.parlant_agent where id = $1 for no key update", [ref.agentId]);
  await owner.query("delete from parlant.parlant_agent_grant where agent_id = $1", [ref.agentId]);
  const pending = agentsOf(writer)
    .update({ ...ref, description: "too late" })
    .catch((error: unknown) => error);
  await owner.query("commit");
  expect(await pending).toMatchObject(NOT_FOUND);
});

test("nobody waits for the lock of an agent that is hidden from it, which would tell that there is one", async () => {
  const { ref, writer, admin } = await makeAgent();
  const { owner } = server.database;
  await owner.query("begin");
  await owner.query("select parlant.parlant_enter_system($1, 'test')", [ref.workspaceId]);
  await owner.query("select 1 from parlant.parlant_agent where id = $1 for no key update", [ref.agentId]);
  try {
    // Its answer comes while the lock is held.
    await expect(agentsOf(writer).update({ ...ref, description: "changed" })).rejects.toMatchObject(NOT_FOUND);
    const waiting = agentsOf(admin).update({ ...ref, description: "changed" });
    await owner.query("commit");
    expect(await waiting).toMatchObject({ description: "changed" });
  } finally {
    await owner.query("rollback");
  }
});
