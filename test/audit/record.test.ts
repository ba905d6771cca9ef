import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REDACTED } from "../../server/audit/redact.ts";
import { readTrail } from "../support/audit-trail.ts";
import { withConnection } from "../support/connection.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith } from "../support/services.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ TRUSTED_PROXIES: "127.0.0.1" });
});
afterAll(() => server?.stop());

const agents = (workspaceId: string) => `${server.url}/api/v1/workspaces/${workspaceId}/agents`;

test("a change is recorded with who, how, from where, by which rule and what it changed", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const headers = {
    ...workspace.writer.headers,
    "content-type": "application/json",
    "x-request-id": "request-7",
    "x-forwarded-for": "198.51.100.9, 203.0.113.7",
  };
  const body = JSON.stringify({ name: "Scout", systemPrompt: "be kind", description: "key sk-sim-0123456789abcdef" });
  const created = await fetch(agents(workspace.id), { method: "POST", headers, body });
  const { id } = (await created.json()) as { id: string };
  await fetch(`${agents(workspace.id)}/${id}`, { method: "PATCH", headers, body: JSON.stringify({ systemPrompt: "be brief" }) });
  const trail = await readTrail(server.database, workspace.id);
  const common = {
    outcome: "success",
    reason_code: null,
    actor_kind: "session",
    actor_id: workspace.writer.id,
    on_behalf_of: null,
    target_kind: "agent",
    target_id: id,
    // The nearest address that no trusted proxy speaks for; the one before it is what the caller made up.
    ip_address: "203.0.113.7",
    request_id: "request-7",
  };
  expect(trail).toMatchObject([
    {
      ...common,
      action: "agent.create",
      rule: "workspace:write",
      method: "POST workspaces.agents.create",
      before: null,
      after: { name: "Scout", systemPrompt: REDACTED, description: `key ${REDACTED}` },
    },
    {
      ...common,
      action: "agent.update",
      rule: "agent:configure",
      method: "PATCH workspaces.agents.update",
      before: { systemPrompt: REDACTED },
      after: { systemPrompt: REDACTED },
    },
  ]);
});

test("what lies in the database tells nothing of the content", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const agent = { workspaceId: workspace.id, name: "Canary 5f2c", description: "canary 5f2c", tags: ["5f2c"] };
  await callerWith(server.dependencies, workspace.writer.headers).workspaces.agents.create(agent);
  const stored = await withConnection(server.database.superuserUrl, async (admin) => {
    const { rows } = await admin.query("select * from parlant.parlant_audit_event where workspace_id = $1", [workspace.id]);
    return rows;
  });
  expect(stored).toHaveLength(1);
  expect(stored[0].after.toString("latin1")).not.toContain("5f2c");
  expect(JSON.stringify({ ...stored[0], after: null })).not.toContain("5f2c");
  expect(await readTrail(server.database, workspace.id)).toMatchObject([{ after: { name: "Canary 5f2c" } }]);
});

test("a workspace that came back under its id writes under its present key, whatever this server remembers", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { agents } = callerWith(server.dependencies, workspace.admin.headers).workspaces;
  await agents.create({ workspaceId: workspace.id, name: "Before" });
  await withConnection(server.database.superuserUrl, (admin) =>
    admin.query("update parlant.parlant_workspace_state set key_salt = $2 where workspace_id = $1", [
      workspace.id,
      randomBytes(32),
    ]),
  );
  await agents.create({ workspaceId: workspace.id, name: "After" });
  const trail = await readTrail(server.database, workspace.id);
  expect(trail.map(({ after }) => after)).toMatchObject([undefined, { name: "After" }]);
});

test("a change that cannot be recorded is not made", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const create = () =>
    fetch(agents(workspace.id), {
      method: "POST",
      headers: { ...workspace.admin.headers, "content-type": "application/json" },
      body: JSON.stringify({ name: "Scout" }),
    });
  const owner = server.database.owner;
  await owner.query("alter table parlant.parlant_audit_event add constraint closed check (workspace_id = '') not valid");
  const refused = await create();
  await owner.query("alter table parlant.parlant_audit_event drop constraint closed");
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).not.toBeNull();
  const { agents: calls } = callerWith(server.dependencies, workspace.admin.headers).workspaces;
  expect((await calls.list({ workspaceId: workspace.id })).data).toEqual([]);
  expect((await create()).status).toBe(201);
});
