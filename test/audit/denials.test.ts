import { afterAll, beforeAll, expect, test } from "vitest";
import { readTrail, type StoredEvent } from "../support/audit-trail.ts";
import { withConnection } from "../support/connection.ts";
import { makeApiKey, makeSession, signSessionToken } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith, TEST_BETTER_AUTH_SECRET } from "../support/services.ts";
import { makeSignedInUser, makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0" });
});
afterAll(() => server?.stop());

const JSON_TYPE = { "content-type": "application/json" };
const agentsUrl = (workspaceId: string) => `${server.url}/api/v1/workspaces/${workspaceId}/agents`;
const post = (workspaceId: string, headers: Record<string, string>) =>
  fetch(agentsUrl(workspaceId), { method: "POST", headers: { ...JSON_TYPE, ...headers }, body: '{"name":"Scout"}' });

async function denials(workspaceId: string): Promise<StoredEvent[]> {
  await server.dependencies.services.audit.trail.flush();
  return (await readTrail(server.database, workspaceId)).filter(({ outcome }) => outcome === "denied");
}

async function countEvents(): Promise<number> {
  await server.dependencies.services.audit.trail.flush();
  return withConnection(server.database.superuserUrl, async (admin) => {
    const { rows } = await admin.query("select count(*)::int as events from parlant.parlant_audit_event");
    return rows[0].events;
  });
}

async function hiddenAgent(workspace: TestWorkspace): Promise<string> {
  const { agents } = callerWith(server.dependencies, workspace.admin.headers).workspaces;
  return (await agents.create({ workspaceId: workspace.id, name: "Hidden", visibility: "restricted" })).id;
}

test("a member below the level is denied in the trail, with address, request and rule", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  expect((await post(workspace.id, { ...workspace.reader.headers, "x-request-id": "request-8" })).status).toBe(403);
  expect(await denials(workspace.id)).toMatchObject([
    {
      action: "agent.create",
      reason_code: "INSUFFICIENT_WORKSPACE_ROLE",
      rule: "workspace:write",
      actor_kind: "session",
      actor_id: workspace.reader.id,
      method: "POST workspaces.agents.create",
      target_kind: "workspace",
      target_id: workspace.id,
      ip_address: "127.0.0.1",
      request_id: "request-8",
      after: null,
    },
  ]);
});

test("of a stranger the trail of the workspace has the id alone", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const stranger = await makeSignedInUser(server.database.owner);
  const id = "01890000-0000-7000-8000-000000000000";
  expect((await fetch(`${agentsUrl(workspace.id)}/${id}`, { headers: stranger.headers })).status).toBe(404);
  expect(await denials(workspace.id)).toMatchObject([
    {
      action: "agent.get",
      reason_code: "NO_WORKSPACE_PERMISSION",
      rule: "agent:view",
      actor_id: stranger.id,
      on_behalf_of: null,
      target_kind: "agent",
      target_id: id,
      ip_address: null,
      request_id: null,
    },
  ]);
});

test("a personal key where they are disabled, another workspace's key and an archived workspace are denied with their reasons", async () => {
  const { owner } = server.database;
  const workspace = await makeStaffedWorkspace(owner);
  const elsewhere = await makeStaffedWorkspace(owner);
  const personal = await makeApiKey(owner, { userId: workspace.admin.id });
  const foreign = await makeApiKey(owner, { userId: elsewhere.admin.id, workspaceId: elsewhere.id });
  await owner.query("update workspace set allow_personal_api_keys = false where id = $1", [workspace.id]);
  expect((await post(workspace.id, { "x-api-key": personal.plain })).status).toBe(403);
  expect((await post(workspace.id, { "x-api-key": foreign.plain })).status).toBe(404);
  await owner.query("update workspace set archived_at = now() where id = $1", [workspace.id]);
  expect((await post(workspace.id, workspace.admin.headers)).status).toBe(404);
  expect((await denials(workspace.id)).map(({ reason_code, actor_id }) => [reason_code, actor_id]).sort()).toEqual(
    [
      ["KEY_OF_ANOTHER_WORKSPACE", foreign.id],
      ["PERSONAL_API_KEYS_DISABLED", personal.id],
      ["WORKSPACE_NOT_LIVE", workspace.admin.id],
    ].sort(),
  );
  expect(await denials(elsewhere.id)).toEqual([]);
});

test("an agent that is hidden is a denial, one that is not there is none, and both are answered alike", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const agentId = await hiddenAgent(workspace);
  const get = (id: string) => fetch(`${agentsUrl(workspace.id)}/${id}`, { headers: workspace.reader.headers });
  expect([(await get(agentId)).status, (await get("01890000-0000-7000-8000-000000000000")).status]).toEqual([404, 404]);
  expect(await denials(workspace.id)).toMatchObject([
    { action: "agent.get", reason_code: "AGENT_HIDDEN", target_kind: "agent", target_id: agentId },
  ]);
});

test("what another site's page makes a browser send is denied where the path names the workspace", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { token } = await makeSession(server.database.owner, workspace.admin.id);
  const cookie = `better-auth.session_token=${encodeURIComponent(signSessionToken(token, TEST_BETTER_AUTH_SECRET))}`;
  const forged = await fetch(agentsUrl(workspace.id), {
    method: "POST",
    headers: { cookie, "content-type": "text/plain" },
    body: '{"name":"Forged"}',
  });
  expect(forged.status).toBe(403);
  expect((await post(workspace.id, { cookie, origin: "https://evil.example" })).status).toBe(403);
  expect(await denials(workspace.id)).toMatchObject([
    {
      action: "agent.create",
      reason_code: "COOKIE_RULES",
      actor_id: workspace.admin.id,
      after: { attempts: 2 },
    },
  ]);
});

test("tRPC leaves the same, each call of a batch for itself", async () => {
  const [one, other] = [await makeStaffedWorkspace(server.database.owner), await makeStaffedWorkspace(server.database.owner)];
  const input = encodeURIComponent(
    JSON.stringify({ 0: { json: { workspaceId: one.id } }, 1: { json: { workspaceId: other.id } } }),
  );
  const path = "workspaces.agents.list,workspaces.agents.list";
  const answer = await fetch(`${server.url}/api/trpc/${path}?batch=1&input=${input}`, { headers: one.reader.headers });
  expect(answer.status).toBe(207);
  expect(await denials(one.id)).toEqual([]);
  expect(await denials(other.id)).toMatchObject([
    { action: "agent.list", actor_id: one.reader.id, method: "GET workspaces.agents.list" },
  ]);
});

test("a workspace that does not exist has no trail, and a call without a credential leaves none", async () => {
  const before = await countEvents();
  const { admin } = server.workspace;
  expect((await post("no-such-workspace", admin.headers)).status).toBe(404);
  expect((await fetch(agentsUrl(server.workspace.id))).status).toBe(401);
  expect((await fetch(agentsUrl(server.workspace.id), { headers: { "x-api-key": "sk-sim-wrong" } })).status).toBe(401);
  expect(await countEvents()).toBe(before);
});

test("what is no refusal is no denial: invalid input, a conflict, success", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  expect((await post(workspace.id, workspace.admin.headers)).status).toBe(201);
  expect((await post(workspace.id, workspace.admin.headers)).status).toBe(409);
  const invalid = await fetch(`${agentsUrl(workspace.id)}?limit=0`, { headers: workspace.admin.headers });
  expect(invalid.status).toBe(400);
  expect(await denials(workspace.id)).toEqual([]);
});

test("a denial is in the trail by itself, without anyone asking for it", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  await post(workspace.id, workspace.reader.headers);
  await expect.poll(async () => (await readTrail(server.database, workspace.id)).length, { timeout: 5_000 }).toBe(1);
});

test("a flood by one principal is counted in few rows, and every attempt is in the count", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { agents } = callerWith(server.dependencies, workspace.reader.headers).workspaces;
  const attempts = 1_000;
  for (let done = 0; done < attempts; done += 50) {
    await Promise.allSettled(Array.from({ length: 50 }, () => agents.create({ workspaceId: workspace.id, name: "Scout" })));
  }
  const rows = (await denials(workspace.id)).filter(({ action }) => action === "agent.create");
  const counted = rows.reduce((total, { after }) => total + ((after as { attempts: number } | null)?.attempts ?? 1), 0);
  expect(counted).toBe(attempts);
  expect(rows.length).toBeLessThan(attempts / 10);
});

test("while the database takes no event the caller is answered as ever, and what was denied is written later", async () => {
  const { owner } = server.database;
  const workspace = await makeStaffedWorkspace(owner);
  await owner.query("alter table parlant.parlant_audit_event add constraint closed check (workspace_id = '') not valid");
  expect((await post(workspace.id, workspace.reader.headers)).status).toBe(403);
  await expect(server.dependencies.services.audit.trail.flush()).rejects.toThrow();
  expect(await readTrail(server.database, workspace.id)).toEqual([]);
  await owner.query("alter table parlant.parlant_audit_event drop constraint closed");
  expect(await denials(workspace.id)).toMatchObject([{ action: "agent.create" }]);
  expect(server.dependencies.services.audit.trail.counters.lost).toBe(0);
});

test("a server that closes has written what it denied", async () => {
  const closing = await startTestServer();
  const { workspace } = closing;
  const { agents } = callerWith(closing.dependencies, workspace.reader.headers).workspaces;
  await expect(agents.create({ workspaceId: workspace.id, name: "Scout" })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await closing.app.close();
  await closing.dependencies.close();
  expect(await readTrail(closing.database, workspace.id)).toMatchObject([{ action: "agent.create", outcome: "denied" }]);
  await closing.database.drop();
});
