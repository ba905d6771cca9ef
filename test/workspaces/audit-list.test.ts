import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../client-sdk/src/create-client.ts";
import { REDACTED } from "../../server/audit/redact.ts";
import { withConnection } from "../support/connection.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith } from "../support/services.ts";
import { makeStaffedWorkspace, type TestUser, type TestWorkspace } from "../support/workspace.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0" });
});
afterAll(() => server?.stop());

const as = (user: TestUser) => callerWith(server.dependencies, user.headers).workspaces;

/** A workspace in which three agents were made, one changed, one deleted, and one create refused. */
async function eventful(): Promise<TestWorkspace & { agentIds: string[] }> {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { agents } = as(workspace.writer);
  const agentIds: string[] = [];
  for (const name of ["One", "Two", "Three"]) {
    agentIds.push((await agents.create({ workspaceId: workspace.id, name, systemPrompt: "secret of the house" })).id);
  }
  const [first = "", second = ""] = agentIds;
  await agents.update({ workspaceId: workspace.id, agentId: first, name: "Uno" });
  await as(workspace.admin).agents.delete({ workspaceId: workspace.id, agentId: second });
  await as(workspace.reader)
    .agents.create({ workspaceId: workspace.id, name: "No" })
    .catch(() => {});
  await server.dependencies.services.audit.trail.flush();
  return { ...workspace, agentIds };
}

test("an admin reads what was done and refused, newest first, with the redacted content", async () => {
  const workspace = await eventful();
  const { data, nextCursor, isolation } = await as(workspace.admin).audit.list({ workspaceId: workspace.id });
  expect(data.map(({ action, outcome }) => [action, outcome])).toEqual([
    ["agent.create", "denied"],
    ["agent.delete", "success"],
    ["agent.update", "success"],
    ["agent.create", "success"],
    ["agent.create", "success"],
    ["agent.create", "success"],
  ]);
  expect(data[2]).toMatchObject({
    actor: { kind: "session", id: workspace.writer.id, onBehalfOf: null },
    target: { kind: "agent", id: workspace.agentIds[0] },
    rule: "agent:configure",
    before: { name: "One" },
    after: { name: "Uno" },
  });
  expect(data[5]?.after).toMatchObject({ name: "One", systemPrompt: REDACTED });
  expect([nextCursor, isolation.workspaceId]).toEqual([null, workspace.id]);
});

test("nobody below admin reads it, and no other workspace's admin", async () => {
  const workspace = await eventful();
  const other = await makeStaffedWorkspace(server.database.owner);
  const input = { workspaceId: workspace.id };
  await expect(as(workspace.writer).audit.list(input)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(as(workspace.reader).audit.list(input)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(as(other.admin).audit.list(input)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await as(other.admin).audit.list({ workspaceId: other.id })).data).toEqual([]);
});

test("who reads the log stands in it, and a change between two pages moves none of its events", async () => {
  const workspace = await eventful();
  const { audit, agents } = as(workspace.admin);
  const query = { workspaceId: workspace.id, limit: 2 };
  const first = await audit.list(query);
  await agents.create({ workspaceId: workspace.id, name: "Between" });
  const second = await audit.list({ ...query, cursor: first.nextCursor ?? "" });
  const third = await audit.list({ ...query, cursor: second.nextCursor ?? "" });
  const seen = [first, second, third].flatMap(({ data }) => data.map(({ action }) => action));
  expect(seen).toEqual(["agent.create", "agent.delete", "agent.update", "agent.create", "agent.create", "agent.create"]);
  expect(third.nextCursor).toBeNull();
  const reads = await audit.list({ workspaceId: workspace.id, action: "audit.list" });
  expect(reads.data).toMatchObject(
    Array(3).fill({ actor: { id: workspace.admin.id }, outcome: "success", target: { kind: "workspace", id: workspace.id } }),
  );
});

test.each([
  ["action", { action: "agent.create" }, 4],
  ["outcome", { outcome: "denied" as const }, 1],
  ["actor", (workspace: TestWorkspace) => ({ actor: workspace.admin.id }), 1],
  ["target", (workspace: { agentIds: string[] }) => ({ target: workspace.agentIds[0] ?? "" }), 2],
  ["from", { from: "2020-01-01T00:00:00Z" }, 6],
  ["to", { to: "2020-01-01T00:00:00Z" }, 0],
  ["several", (workspace: TestWorkspace) => ({ action: "agent.create", actor: workspace.writer.id }), 3],
] as const)("the filter %s lets through what it names", async (_, filter, count) => {
  const workspace = await eventful();
  const chosen = typeof filter === "function" ? filter(workspace) : filter;
  const { data } = await as(workspace.admin).audit.list({ workspaceId: workspace.id, ...chosen });
  expect(data).toHaveLength(count);
});

test("from is inclusive and to is not, to the millisecond", async () => {
  const workspace = await eventful();
  const { audit } = as(workspace.admin);
  const [event] = (await audit.list({ workspaceId: workspace.id, action: "agent.update" })).data;
  const at = event?.occurredAt.getTime() ?? 0;
  const between = async (fromMs: number, toMs: number) => {
    const range = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
    return (await audit.list({ workspaceId: workspace.id, action: "agent.update", ...range })).data.length;
  };
  expect([await between(at, at + 1), await between(at - 5, at), await between(at + 1, at + 5)]).toEqual([1, 0, 0]);
});

test("a cursor is good for its own query and workspace alone", async () => {
  const workspace = await eventful();
  const other = await makeStaffedWorkspace(server.database.owner);
  const { nextCursor } = await as(workspace.admin).audit.list({ workspaceId: workspace.id, limit: 1 });
  const cursor = nextCursor ?? "";
  const refused = { code: "BAD_REQUEST" };
  const { audit } = as(workspace.admin);
  await expect(audit.list({ workspaceId: workspace.id, action: "agent.create", cursor })).rejects.toMatchObject(refused);
  await expect(as(other.admin).audit.list({ workspaceId: other.id, cursor })).rejects.toMatchObject(refused);
  await expect(audit.list({ workspaceId: workspace.id, from: "yesterday" })).rejects.toMatchObject(refused);
  expect((await audit.list({ workspaceId: workspace.id, limit: 3, cursor })).data).toHaveLength(3);
});

test("content whose key was destroyed is absent, and the rest of its event is not", async () => {
  const workspace = await eventful();
  await withConnection(server.database.superuserUrl, (admin) =>
    admin.query("delete from parlant.parlant_workspace_state where workspace_id = $1", [workspace.id]),
  );
  const { data } = await as(workspace.admin).audit.list({ workspaceId: workspace.id, action: "agent.update" });
  expect(data).toMatchObject([{ action: "agent.update", before: null, after: null, actor: { id: workspace.writer.id } }]);
});

test("over REST and the SDK it is the same log", async () => {
  const workspace = await eventful();
  const url = `${server.url}/api/v1/workspaces/${workspace.id}/audit-log?outcome=success&limit=2`;
  const answer = await fetch(url, { headers: workspace.admin.headers });
  expect(answer.status).toBe(200);
  const page = (await answer.json()) as { data: { action: string; occurredAt: string }[] };
  expect(page.data.map(({ action }) => action)).toEqual(["agent.delete", "agent.update"]);
  expect(page.data[0]?.occurredAt).toMatch(/^\d{4}-.*Z$/);
  const token = (workspace.admin.headers["authorization"] ?? "").replace("Bearer ", "");
  const log = createClient({ baseUrl: server.url, token }).workspace(workspace.id).audit;
  const actions: string[] = [];
  for await (const { action, occurredAt } of log.list({ limit: 2, target: workspace.agentIds[0] })) {
    expect(occurredAt).toBeInstanceOf(Date);
    actions.push(action);
  }
  expect(actions).toEqual(["agent.update", "agent.create"]);
});

test.each(["infinity", "-infinity", "294000-01-01"])(
  "an event whose time was made %s past the server is listed by the time in its id, and a verification tells of it",
  async (time) => {
    const workspace = await eventful();
    const input = { workspaceId: workspace.id };
    const before = await as(workspace.admin).audit.list(input);
    const bend = () =>
      withConnection(server.database.superuserUrl, (admin) =>
        admin.query("update parlant.parlant_audit_event set occurred_at = $2 where workspace_id = $1", [workspace.id, time]),
      );
    await bend();
    const pages: Awaited<ReturnType<ReturnType<typeof as>["audit"]["list"]>>["data"] = [];
    for (let cursor: string | undefined | null; cursor !== null; ) {
      const page = await as(workspace.admin).audit.list({ ...input, limit: 2, ...(cursor && { cursor }) });
      pages.push(...page.data);
      cursor = page.nextCursor;
    }
    const seconds = (events: typeof pages) =>
      events.slice(-6).map(({ id, occurredAt }) => `${id} ${Math.floor(occurredAt.getTime() / 60_000)}`);
    if (time.endsWith("infinity")) expect(seconds(pages)).toEqual(seconds(before.data));
    await bend();
    await as(workspace.admin).isolation.report(input);
    await bend();
    await server.dependencies.sealer.seal(workspace.id);
    const { valid, problems } = await as(workspace.admin).audit.verify(input);
    expect(valid).toBe(false);
    expect(problems).toContainEqual(expect.objectContaining({ kind: "backdated" }));
  },
);
