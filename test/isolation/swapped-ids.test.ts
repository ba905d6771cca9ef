import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeApiKey } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

let server: TestServer;
let mine: TestWorkspace;
let theirs: TestWorkspace;
let theirAgentId: string;

const NO_WORKSPACE = "no-such-workspace";
const NO_AGENT = "01890000-0000-7000-8000-000000000000";

beforeAll(async () => {
  server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0" });
  mine = server.workspace;
  theirs = await makeStaffedWorkspace(server.database.owner);
  const agent = await callerWith(server.dependencies, theirs.admin.headers).workspaces.agents.create({
    workspaceId: theirs.id,
    name: "Canary 7b1e",
    systemPrompt: "canary prompt 7b1e",
    tags: ["canary-7b1e"],
  });
  theirAgentId = agent.id;
});

afterAll(() => server?.stop());

interface Call {
  name: string;
  send(workspaceId: string, agentId: string): Promise<Response>;
}

const json = { "content-type": "application/json" };
const rest = (method: string, path: (workspaceId: string, agentId: string) => string, body?: object): Call => ({
  name: `${method} ${path("{workspace_id}", "{agent_id}")}`,
  send: (workspaceId, agentId) =>
    fetch(`${server.url}/api/v1${path(workspaceId, agentId)}`, {
      method,
      headers: { ...mine.admin.headers, ...(body && json) },
      ...(body && { body: JSON.stringify(body) }),
    }),
});
const trpc = (kind: "query" | "mutation", procedure: string, input: object = {}): Call => ({
  name: `${kind} ${procedure}`,
  send(workspaceId, agentId) {
    const isOfAgent = !/(list|create)$/.test(procedure);
    const wire = JSON.stringify({ json: { workspaceId, ...(isOfAgent && { agentId }), ...input } });
    const url = `${server.url}/api/trpc/${procedure}`;
    return kind === "query"
      ? fetch(`${url}?input=${encodeURIComponent(wire)}`, { headers: mine.admin.headers })
      : fetch(url, { method: "POST", headers: { ...mine.admin.headers, ...json }, body: wire });
  },
});

const agents = (workspaceId: string) => `/workspaces/${workspaceId}/agents`;
const agent = (workspaceId: string, agentId: string) => `${agents(workspaceId)}/${agentId}`;
const OF_WORKSPACE = [
  rest("GET", agents),
  rest("HEAD", agents),
  rest("POST", agents, { name: "Scout" }),
  trpc("query", "workspaces.agents.list"),
  trpc("mutation", "workspaces.agents.create", { name: "Scout" }),
];
const OF_AGENT = [
  rest("GET", agent),
  rest("HEAD", agent),
  rest("PUT", agent, { name: "Mine now" }),
  rest("PATCH", agent, { name: "Mine now" }),
  rest("DELETE", agent),
  rest("POST", (workspaceId, agentId) => `${agent(workspaceId, agentId)}/restore`),
  trpc("query", "workspaces.agents.get"),
  trpc("mutation", "workspaces.agents.update", { name: "Mine now" }),
  trpc("mutation", "workspaces.agents.delete"),
  trpc("mutation", "workspaces.agents.restore"),
];

/** Everything that a caller sees of an answer, apart from what differs between any two requests. */
async function seen(response: Response): Promise<object> {
  const body = await response.text();
  const requestId = response.headers.get("x-request-id") ?? "";
  const headers = Object.fromEntries(
    [...response.headers].filter(
      ([name]) => !["date", "x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset"].includes(name),
    ),
  );
  expect(requestId).not.toBe("");
  return { status: response.status, headers, body: body.replaceAll(requestId, "<request>") };
}

describe.each([...OF_WORKSPACE, ...OF_AGENT])("$name", ({ send }) => {
  test("answers for another's workspace as for one that is not there: 404, alike to the byte", async () => {
    const absent = await seen(await send(NO_WORKSPACE, NO_AGENT));
    expect(absent).toMatchObject({ status: 404 });
    expect(await seen(await send(theirs.id, theirAgentId))).toEqual(absent);
    expect(await seen(await send(theirs.id, NO_AGENT))).toEqual(absent);
  });
});

describe.each(OF_AGENT)("$name", ({ send }) => {
  test("answers for another workspace's agent as for one that is not there: 404, alike to the byte", async () => {
    const absent = await seen(await send(mine.id, NO_AGENT));
    expect(absent).toMatchObject({ status: 404 });
    expect(await seen(await send(mine.id, theirAgentId))).toEqual(absent);
  });
});

test("an archived workspace answers like one that is not there", async () => {
  const archived = await makeStaffedWorkspace(server.database.owner);
  await server.database.owner.query("update workspace set archived_at = now() where id = $1", [archived.id]);
  const get = (id: string, headers: Record<string, string>) => fetch(`${server.url}/api/v1${agents(id)}`, { headers });
  const absent = await seen(await get(NO_WORKSPACE, archived.admin.headers));
  expect(await seen(await get(archived.id, archived.admin.headers))).toEqual(absent);
});

test("after all of it the other workspace is as it was, and none of its text was ever in an answer", async () => {
  const { agents: theirAgents } = callerWith(server.dependencies, theirs.admin.headers).workspaces;
  const { data } = await theirAgents.list({ workspaceId: theirs.id, includeArchived: true });
  expect(data).toMatchObject([{ id: theirAgentId, name: "Canary 7b1e", version: 1 }]);
  for (const { send } of [...OF_WORKSPACE, ...OF_AGENT]) {
    for (const response of [await send(theirs.id, theirAgentId), await send(mine.id, theirAgentId)]) {
      expect(`${[...response.headers]}${await response.text()}`).not.toContain("7b1e");
    }
  }
});

test("control: the same calls on one's own agent are all answered, so that a refusal means something", async () => {
  const key = await makeApiKey(server.database.owner, { userId: mine.admin.id });
  const created = await fetch(`${server.url}/api/v1${agents(mine.id)}`, {
    method: "POST",
    headers: { "x-api-key": key.plain, ...json },
    body: JSON.stringify({ name: "Own" }),
  });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as { id: string };
  for (const { name, send } of OF_AGENT) expect((await send(mine.id, id)).status, name).toBe(200);
});
