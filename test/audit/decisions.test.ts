import { afterAll, beforeAll, expect, test } from "vitest";
import { readDatabaseIdentity } from "../../server/db/database-identity.ts";
import type { DecisionRow } from "../../server/db/decision-insert.ts";
import { createDependencies } from "../../server/dependencies.ts";
import { withConnection } from "../support/connection.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith, testEnv } from "../support/services.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

async function stored(workspaceId: string) {
  await server.dependencies.services.audit.decisions.flush();
  return withConnection(server.database.superuserUrl, async (admin) => {
    const { rows } = await admin.query("select * from parlant.parlant_authz_decision where workspace_id = $1 order by id", [
      workspaceId,
    ]);
    return rows;
  });
}

test("the database is known by what it is", async () => {
  const known = await readDatabaseIdentity(server.dependencies.database.sim);
  expect(known).toMatch(/^\d+\/\d+$/);
});

test("every allowed read is a decision, a refused one, a change and a sensitive read are none", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { agents, audit } = callerWith(server.dependencies, workspace.admin.headers, "request-9").workspaces;
  const { id: agentId } = await agents.create({ workspaceId: workspace.id, name: "Scout" });
  await agents.get({ workspaceId: workspace.id, agentId });
  await agents.list({ workspaceId: workspace.id });
  await audit.list({ workspaceId: workspace.id });
  await agents.get({ workspaceId: workspace.id, agentId: "01890000-0000-7000-8000-000000000000" }).catch(() => {});
  const common = { principal_kind: "session", principal_id: workspace.admin.id, outcome: "allow", request_id: "request-9" };
  const rows = await stored(workspace.id);
  expect(rows).toMatchObject([
    { ...common, procedure: "workspaces.agents.get", agent_id: agentId, source: "cache" },
    { ...common, procedure: "workspaces.agents.list", agent_id: null },
  ]);
  expect(rows[0].latency_us).toBeGreaterThan(0);
});

test("a decision is in the database by itself", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  await callerWith(server.dependencies, workspace.reader.headers).workspaces.agents.list({ workspaceId: workspace.id });
  const count = () =>
    withConnection(server.database.superuserUrl, async (admin) => {
      const text = "select from parlant.parlant_authz_decision where workspace_id = $1";
      return (await admin.query(text, [workspace.id])).rowCount;
    });
  await expect.poll(count, { timeout: 5_000 }).toBe(1);
});

test("a batch that is written twice is there once", async () => {
  const row: DecisionRow = {
    workspaceId: "w",
    principalKind: "session",
    principalId: "u",
    procedure: "workspaces.agents.list",
    agentId: null,
    source: "cache",
    requestId: "r",
    latencyUs: 7,
    id: "01890000-0000-7000-8000-000000000001",
    occurredAt: new Date(0),
    outcome: "allow",
  };
  await server.dependencies.database.insertDecisions([row, { ...row, workspaceId: "other" }]);
  await server.dependencies.database.insertDecisions([row, { ...row, id: "01890000-0000-7000-8000-000000000002" }]);
  expect(await stored("w")).toHaveLength(2);
  expect(await stored("other")).toHaveLength(1);
});

test("a workspace sees its own decisions, and inside of it no other's is written", async () => {
  await withConnection(server.database.appUrl, async (app) => {
    const insert = (workspaceId: string) =>
      app.query(
        `insert into parlant.parlant_authz_decision values ($1, gen_random_uuid(), now(), '', '', '', null, 'allow', '', null, 0)`,
        [workspaceId],
      );
    await insert("inner");
    await insert("outer");
    expect((await app.query("select from parlant.parlant_authz_decision")).rowCount).toBe(0);
    await app.query("begin");
    await app.query("select parlant.parlant_enter_system('inner', 'test')");
    await insert("inner");
    expect((await app.query("select distinct workspace_id from parlant.parlant_authz_decision")).rows).toEqual([
      { workspace_id: "inner" },
    ]);
    await expect(insert("outer")).rejects.toMatchObject({ code: "42501" });
    await app.query("rollback");
  });
});

test("while the table takes nothing reads go on as the policy says", async () => {
  const { owner } = server.database;
  const workspace = await makeStaffedWorkspace(owner);
  const url = `${server.url}/api/v1/workspaces/${workspace.id}/agents`;
  const appRole = new URL(server.database.appUrl).username;
  const read = () => fetch(url, { headers: workspace.reader.headers }).then(({ status }) => status);
  await owner.query(`revoke insert on parlant.parlant_authz_decision from ${appRole}`);
  expect(await read()).toBe(200);
  await expect(server.dependencies.services.audit.decisions.flush()).rejects.toThrow();
  expect(await read()).toBe(200);
  const strict = await startStrict(server);
  const strictRead = () => callerWith(strict, workspace.reader.headers).workspaces.agents.list({ workspaceId: workspace.id });
  await strictRead();
  await expect(strict.services.audit.decisions.flush()).rejects.toThrow();
  await expect(strictRead()).rejects.toMatchObject({ cause: { code: "SERVICE_UNAVAILABLE" } });
  await owner.query(`grant insert on parlant.parlant_authz_decision to ${appRole}`);
  await strict.services.audit.decisions.flush();
  await strictRead();
  await strict.close();
  expect(await stored(workspace.id)).toHaveLength(4);
});

async function startStrict(server: TestServer) {
  const env = testEnv(server.database.appUrl, { AUDIT_READ_POLICY: "required" });
  return createDependencies(env, server.dependencies.services.log);
}
