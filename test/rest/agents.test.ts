import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { startApp } from "../http/app-under-test.ts";
import { sendRaw } from "../http/send-raw.ts";
import { createTestDatabase, makeWorkspace, type TestDatabase } from "../support/database.ts";
import { createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace, type TestUser } from "../support/workspace.ts";
import { assertDocumented } from "./documented.ts";

let database: TestDatabase;
let dependencies: Dependencies;
let app: FastifyInstance;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl);
  ({ app } = await startApp({ services: dependencies.services, basePath: "/parlant" }));
});

afterAll(async () => {
  await app?.close();
  await dependencies?.close();
  await database?.drop();
});

interface CallOptions {
  as: TestUser;
  headers?: Record<string, string>;
  body?: unknown;
}

/** Calls as a client does; every answer must be one that the OpenAPI document describes. */
async function call(method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, options: CallOptions) {
  const response = await app.inject({
    method,
    url: `/parlant/api/v1${path}`,
    headers: { ...options.as.headers, ...options.headers },
    ...(options.body !== undefined && { payload: options.body as object }),
  });
  if (method !== "HEAD") assertDocumented(method, path, response);
  return response;
}

async function makeAgents(...names: string[]) {
  const staff = await makeStaffedWorkspace(database.owner);
  const path = `/workspaces/${staff.id}/agents`;
  const agents = [];
  for (const name of names) agents.push((await call("POST", path, { as: staff.admin, body: { name } })).json());
  return { ...staff, path, agents };
}

test("creating answers 201 with the agent, its ETag and an absolute path that leads to it", async () => {
  const { admin, id, path } = await makeAgents();
  const created = await call("POST", path, { as: admin, body: { name: "Support", tags: ["a"] } });
  expect(created.statusCode).toBe(201);
  const agent = created.json();
  expect(agent).toMatchObject({ name: "Support", tags: ["a"], workspaceId: id, version: 1, createdBy: admin.id });
  expect(agent.createdAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  expect(created.headers).toMatchObject({ etag: '"1"', location: `/parlant/api/v1${path}/${agent.id}` });
  const found = await app.inject({ url: String(created.headers.location), headers: admin.headers });
  expect(found.json()).toEqual(agent);
  expect(found.headers.etag).toBe('"1"');
});

test("HEAD answers as GET does, without the body", async () => {
  const { admin, path, agents } = await makeAgents("Support");
  const head = await call("HEAD", `${path}/${agents[0].id}`, { as: admin });
  expect(head.statusCode).toBe(200);
  expect(head.headers.etag).toBe('"1"');
  expect(head.body).toBe("");
});

test("the query of a list is read as the types of its input, and nothing else", async () => {
  const { admin, path } = await makeAgents("One", "Two", "Three");
  const list = (query: string) => call("GET", `${path}?${query}`, { as: admin });
  expect((await list("limit=2&sortBy=name&sortOrder=asc")).json().data.map((agent: { name: string }) => agent.name)).toEqual([
    "One",
    "Three",
  ]);
  for (const value of ["true", "false", "1", "0"]) expect((await list(`includeArchived=${value}`)).statusCode).toBe(200);
  for (const [query, field] of [
    ["includeArchived=yes", "includeArchived"],
    ["includeArchived=", "includeArchived"],
    ["limit=2.5", "limit"],
    ["limit=1e1", "limit"],
    ["limit=%202", "limit"],
    ["limit=0x2", "limit"],
    ["limit=2&limit=3", "limit"],
    ["tag=a&tag=b", "tag"],
    ["search=a%00b", "search"],
    ["cursor=bad", "cursor"],
    ["status=gone", "status"],
    ["workspaceId=other", "workspaceId"],
  ]) {
    const refused = await list(query ?? "");
    expect([query, refused.statusCode]).toEqual([query, 400]);
    expect(refused.json().error).toMatchObject({ code: "BAD_REQUEST", details: { issues: [{ path: [field] }] } });
  }
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const refused = await list(`${name}=1`);
    expect([name, refused.statusCode]).toEqual([name, 400]);
    expect(refused.json().error.details.issues).toMatchObject([{ path: [name] }]);
  }
  const unknown = await list("colour=red");
  expect(unknown.statusCode).toBe(400);
  expect(unknown.json().error.message).toContain("colour");
});

test("false in a query is false", async () => {
  const { admin, path, agents } = await makeAgents("Gone");
  await call("PATCH", `${path}/${agents[0].id}`, { as: admin, body: { status: "archived" } });
  const count = async (query: string) => (await call("GET", `${path}?${query}`, { as: admin })).json().data.length;
  expect(await count("includeArchived=false")).toBe(0);
  expect(await count("includeArchived=true")).toBe(1);
});

test("reading a query never loosens what JSON may hold", async () => {
  const { admin, path } = await makeAgents();
  await call("GET", `${path}?limit=5`, { as: admin });
  for (const body of [{ name: "A", maxTokens: "5" }, { name: "A", temperature: true }, { name: 5 }, { name: null }]) {
    expect((await call("POST", path, { as: admin, body })).statusCode).toBe(400);
  }
  expect((await call("GET", path, { as: admin })).json().data).toEqual([]);
});

test("a body names neither what the path names nor anything unknown", async () => {
  const { admin, path, agents, id } = await makeAgents("Support");
  const agent = `${path}/${agents[0].id}`;
  for (const [method, url, body, field] of [
    ["POST", path, { name: "A", workspaceId: id }, "workspaceId"],
    ["PATCH", agent, { agentId: agents[0].id }, "agentId"],
    ["DELETE", agent, { workspaceId: "other" }, "workspaceId"],
  ] as const) {
    const refused = await call(method, url, { as: admin, body });
    expect(refused.statusCode).toBe(400);
    expect(refused.json().error.details.issues).toMatchObject([{ path: [field] }]);
  }
  const unknown = await call("PATCH", agent, { as: admin, body: { colour: "red" } });
  expect(unknown.statusCode).toBe(400);
  expect(unknown.json().error.message).toContain("colour");
  const query = await call("PATCH", `${agent}?name=B`, { as: admin, body: {} });
  expect(query.json().error.details.issues).toMatchObject([{ path: ["name"] }]);
  expect((await call("GET", agent, { as: admin })).json()).toMatchObject({ name: "Support", version: 1 });
});

test("a body that is no object is refused, and an empty one is no body", async () => {
  const { admin, path, agents } = await makeAgents("Support");
  for (const payload of ["[]", "null", '"text"', "5"]) {
    const headers = { "content-type": "application/json" };
    const response = await app.inject({
      method: "POST",
      url: `/parlant/api/v1${path}`,
      headers: { ...admin.headers, ...headers },
      payload,
    });
    expect([payload, response.statusCode]).toEqual([payload, 400]);
  }
  const agent = `${path}/${agents[0].id}`;
  const json = { "content-type": "application/json" };
  const deleted = await call("DELETE", agent, { as: admin, headers: json });
  expect(deleted.json()).toMatchObject({ id: agents[0].id, deletedAt: expect.stringMatching(/Z$/) });
  expect((await call("GET", agent, { as: admin })).statusCode).toBe(404);
  expect((await call("POST", `${agent}/restore`, { as: admin, headers: json })).json().name).toBe("Support");
});

test("PUT and PATCH change what is given and leave the rest", async () => {
  const { admin, path, agents } = await makeAgents("Support");
  const agent = `${path}/${agents[0].id}`;
  const put = await call("PUT", agent, { as: admin, body: { description: "Answers" } });
  expect(put.json()).toMatchObject({ name: "Support", description: "Answers", version: 2 });
  const patch = await call("PATCH", agent, { as: admin, body: { description: null } });
  expect(patch.json()).toMatchObject({ name: "Support", description: null, version: 3 });
  expect(patch.headers.etag).toBe('"3"');
});

test("If-Match holds a change back unless the agent is at that version", async () => {
  const { admin, path, agents } = await makeAgents("Support");
  const agent = `${path}/${agents[0].id}`;
  const change = (ifMatch: string, body: object = { description: ifMatch }) =>
    call("PATCH", agent, { as: admin, headers: { "if-match": ifMatch }, body });
  expect((await change('"1"')).statusCode).toBe(200);
  const stale = await change('"1"', { description: "late" });
  expect(stale.statusCode).toBe(409);
  expect(stale.json().error.details).toMatchObject({ currentVersion: 2 });
  expect((await change("*")).statusCode).toBe(200);
  expect((await change('"3"', { version: 3, name: "New" })).statusCode).toBe(200);
  for (const malformed of ['W/"4"', "4", '"x"', '"4", "5"', "", '"-4"']) {
    const refused = await change(malformed);
    expect([malformed, refused.statusCode]).toEqual([malformed, 400]);
    expect(refused.json().error.details.issues[0].path).toEqual(["If-Match"]);
  }
  expect((await change('"4"', { version: 3 })).statusCode).toBe(400);
  const deletion = await call("DELETE", agent, { as: admin, headers: { "if-match": '"1"' } });
  expect(deletion.statusCode).toBe(400);
  expect((await call("GET", agent, { as: admin })).json()).toMatchObject({ name: "New", version: 4 });
});

test("a repeated create with the same Idempotency-Key makes one agent", async () => {
  const { admin, path } = await makeAgents();
  const create = (key: string, name: string) =>
    call("POST", path, { as: admin, headers: { "idempotency-key": key }, body: { name } });
  const first = await create("key-1", "Support");
  const second = await create("key-1", "Support");
  expect(second.json()).toEqual(first.json());
  expect((await create("key-1", "Other")).statusCode).toBe(409);
  for (const key of ["a b", "é", "x".repeat(256)]) {
    const refused = await create(key, "Another");
    expect(refused.statusCode).toBe(400);
    expect(refused.json().error.details.issues[0].path).toEqual(["Idempotency-Key"]);
  }
  expect((await call("GET", path, { as: admin })).json().data).toHaveLength(1);
});

test("a stranger's 404 is the same as that of a workspace that does not exist, but for the request id", async () => {
  const { path, agents } = await makeAgents("Support");
  const other = await makeAgents();
  const answers = [];
  for (const url of [`${path}/${agents[0].id}`, `/workspaces/nowhere/agents/${agents[0].id}`]) {
    const { statusCode, body, headers } = await call("GET", url, { as: other.admin, headers: { "x-request-id": "same" } });
    answers.push({ statusCode, body, type: headers["content-type"] });
  }
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]).toMatchObject({ statusCode: 404 });
});

test("path parameters are decoded before they are used, and encoded again in Location", async () => {
  const { admin } = await makeAgents();
  const { id } = await makeWorkspace(database.owner, { ownerId: admin.id, id: "a b/c é" });
  const path = `/workspaces/${encodeURIComponent(id)}/agents`;
  const created = await call("POST", path, { as: admin, body: { name: "A" } });
  expect(created.json().workspaceId).toBe(id);
  const location = String(created.headers.location);
  expect(location).toBe(`/parlant/api/v1${path}/${created.json().id}`);
  expect((await app.inject({ url: location, headers: admin.headers })).statusCode).toBe(200);
});

test("Location is this server's own path, however the request spelled it", async () => {
  const { admin, path } = await makeAgents();
  const port = Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
  const key = Object.entries(admin.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  for (const [index, target] of [`http://evil.example/parlant/api/v1${path}`, `/parlant/%61pi/v1${path}`].entries()) {
    const body = JSON.stringify({ name: `Agent ${index}` });
    const answer = await sendRaw(
      port,
      `POST ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${key.join("")}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer.status).toBe(201);
    expect(answer.head).toContain(`\r\nlocation: /parlant/api/v1${path}/${JSON.parse(answer.body).id}\r\n`);
  }
});

test("REST and tRPC give the same agent and the same error", async () => {
  const { admin, id, path, agents } = await makeAgents("Support");
  const trpc = async (input: object) =>
    app.inject({
      url: `/parlant/api/trpc/workspaces.agents.get?input=${encodeURIComponent(JSON.stringify({ json: input }))}`,
      headers: admin.headers,
    });
  const rest = (await call("GET", `${path}/${agents[0].id}`, { as: admin })).json();
  const result = (await trpc({ workspaceId: id, agentId: agents[0].id })).json().result.data;
  expect(result.json).toEqual(rest);
  expect(result.meta.values).toMatchObject({ createdAt: ["Date"] });
  const missing = "01890000-0000-7000-8000-000000000000";
  const restError = (await call("GET", `${path}/${missing}`, { as: admin })).json().error;
  const trpcError = await trpc({ workspaceId: id, agentId: missing });
  expect(trpcError.statusCode).toBe(404);
  expect(trpcError.json().error.json.data).toMatchObject(restError);
});
