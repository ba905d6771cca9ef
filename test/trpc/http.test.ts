import { createTRPCClient, httpBatchLink, httpLink, TRPCClientError } from "@trpc/client";
import type { FastifyInstance } from "fastify";
import superjson from "superjson";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import type { AppRouter } from "../../server/router.ts";
import { startApp } from "../http/app-under-test.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

let database: TestDatabase;
let dependencies: Dependencies;
let app: FastifyInstance;
let workspace: TestWorkspace;
let url: string;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl);
  workspace = await makeStaffedWorkspace(database.owner);
  ({ app } = await startApp({ services: dependencies.services, basePath: "/parlant" }));
  url = `${await app.listen({ host: "127.0.0.1", port: 0 })}/parlant/api/trpc`;
});

afterAll(async () => {
  await app?.close();
  await dependencies?.close();
  await database?.drop();
});

const MISSING = "01890000-0000-7000-8000-000000000000";

const json = (input: unknown) => encodeURIComponent(JSON.stringify(input));
/** A parameter that is not plain leaves the request to tRPC's own handler. */
const official = (path: string) => `${path}${path.includes("?") ? "&" : "?"}unusual=1`;

function call(path: string, options: { body?: unknown; headers?: Record<string, string> } = {}) {
  return app.inject({
    method: options.body === undefined ? "GET" : "POST",
    url: `/parlant/api/trpc/${path}`,
    headers: { ...workspace.admin.headers, "x-request-id": "same", ...options.headers },
    ...(options.body !== undefined && { payload: options.body as object }),
  });
}

for (const [name, link] of [
  ["one by one", httpLink],
  ["in batches", httpBatchLink],
] as const) {
  test(`tRPC's own client works through calls made ${name}`, async () => {
    const client = createTRPCClient<AppRouter>({
      links: [link({ url, transformer: superjson, headers: workspace.admin.headers })],
    });
    const { workspaces } = client;
    const created = await workspaces.agents.create.mutate({ workspaceId: workspace.id, name: `Agent ${name}` });
    expect(created.createdAt).toBeInstanceOf(Date);
    const ref = { workspaceId: workspace.id, agentId: created.id };
    const [found, page, missing] = await Promise.all([
      workspaces.agents.get.query(ref),
      workspaces.agents.list.query({ workspaceId: workspace.id }),
      workspaces.agents.get.query({ ...ref, agentId: MISSING }).catch((error: unknown) => error),
    ]);
    expect(found).toEqual(created);
    expect(page.data.map(({ id }) => id)).toContain(created.id);
    expect(missing).toBeInstanceOf(TRPCClientError);
    expect(missing).toMatchObject({ data: { code: "NOT_FOUND", httpStatus: 404 } });
  });
}

test("what is answered without tRPC's own handler is what that one would have answered", async () => {
  const { id } = workspace;
  const get = (agentId: string) => json({ json: { workspaceId: id, agentId } });
  const paths = [
    `workspaces.agents.list?input=${json({ json: { workspaceId: id } })}`,
    `workspaces.agents.list?input=${json({ json: { workspaceId: id, limit: 1_000 } })}`,
    `workspaces.agents.list?input=${json({ json: { workspaceId: id, colour: 1 } })}`,
    `workspaces.agents.list?input=${json({ json: {} })}`,
    "workspaces.agents.list",
    `workspaces.agents.get?input=${get(MISSING)}`,
    `workspaces.agents.list,workspaces.agents.get?batch=1&input=${json({ 0: { json: { workspaceId: id } }, 1: { json: { workspaceId: id, agentId: MISSING } } })}`,
    `workspaces.agents.list,workspaces.agents.list?batch=1&input=${json({ 1: { json: { workspaceId: id } } })}`,
    `workspaces.agents.list?batch=1&input=${json({})}`,
  ];
  for (const path of paths) {
    const [plain, theirs] = [await call(path), await call(official(path))];
    expect([path, plain.statusCode]).toEqual([path, theirs.statusCode]);
    expect(plain.headers["content-type"]).toMatch(/^application\/json/);
    expect(received(plain.json())).toEqual(received(theirs.json()));
    for (const name of ["vary", "cache-control", "x-request-id"]) expect(plain.headers[name]).toBe(theirs.headers[name]);
  }
  for (const headers of [{ authorization: "Bearer nobody" }, { authorization: "" }]) {
    const [plain, theirs] = [await call(paths[0] ?? "", { headers }), await call(official(paths[0] ?? ""), { headers })];
    expect(plain.statusCode).toBe(401);
    expect(plain.json()).toEqual(theirs.json());
    expect(plain.headers["www-authenticate"]).toBe(theirs.headers["www-authenticate"]);
  }
});

/** An answer as a client reads it: two Dates that are one object are so only in superjson's own output. */
function received(body: unknown): unknown {
  return [body].flat().map((one) => {
    const { result, error } = one as { result?: { data: never }; error?: never };
    return result ? superjson.deserialize(result.data) : superjson.deserialize(error as never);
  });
}

test("what is no call of this protocol is a 4xx in its own form, never a 5xx", async () => {
  const deep = `{"json":${"[".repeat(1_000)}${"]".repeat(1_000)}}`;
  const eleven = Array(11).fill("simIntegration.health").join(",");
  for (const [path, status, options] of [
    ["nothing", 404, {}],
    ["__proto__", 404, {}],
    ["constructor", 404, {}],
    ["workspaces.agents.create", 405, {}],
    ["workspaces.agents.list", 400, { body: { json: {} } }],
    ["workspaces.agents.list?input={", 400, {}],
    ["workspaces.agents.list?connectionParams=x", 400, {}],
    ["workspaces.agents.list,workspaces.agents.create?batch=1&input=%7B%7D", 400, {}],
    ["workspaces.agents.list?input=5", 400, {}],
    [`workspaces.agents.list?input=${encodeURIComponent(deep)}`, 400, {}],
    ["workspaces.agents.create", 400, { body: deep, headers: { "content-type": "application/json" } }],
    ["workspaces.agents.create", 400, { body: "{", headers: { "content-type": "application/json" } }],
    ["workspaces.agents.create", 415, { body: "{}", headers: { "content-type": "text/plain" } }],
    ["workspaces.agents.create", 413, { body: { json: { name: "x".repeat(1_000_000) } } }],
    [`${eleven}?batch=1&input=%7B%7D`, 400, {}],
    ["workspaces.agents.create", 400, { body: { json: { workspaceId: "w", name: "A" } }, headers: { "idempotency-key": "a b" } }],
  ] as const) {
    const response = await call(path, options);
    expect([path.slice(0, 60), response.statusCode]).toEqual([path.slice(0, 60), status]);
    const [first] = [response.json()].flat();
    expect(first.error.json.data.httpStatus).toBe(status);
    expect(first.error.json.data.requestId).toBe("same");
    expect(response.headers["content-type"]).toMatch(/^application\/json/);
    expect(response.headers["x-request-id"]).toBe("same");
    if (status === 405) expect(response.headers.allow).toBe("POST");
    expect(response.body).not.toContain("node_modules");
  }
});

test("a key that would poison a prototype is refused in both ways of answering, and nothing is made", async () => {
  const headers = { "content-type": "application/json" };
  const before = (await call(`workspaces.agents.list?input=${json({ json: { workspaceId: workspace.id } })}`)).json();
  for (const key of ["__proto__", "\\u005f\\u005fproto__"]) {
    for (const place of [`"metadata":{"a":[{"${key}":{"x":1}}]}`, `"${key}":{"x":1}`]) {
      const body = `{"json":{"workspaceId":"${workspace.id}","name":"Poison",${place}}}`;
      for (const path of ["workspaces.agents.create", official("workspaces.agents.create")]) {
        const refused = await call(path, { body, headers });
        expect([path, place, refused.statusCode]).toEqual([path, place, 400]);
        expect(refused.json().error.json.message).toContain('"__proto__"');
      }
    }
    const input = encodeURIComponent(`{"json":{"workspaceId":"${workspace.id}","${key}":1}}`);
    for (const path of [`workspaces.agents.list?input=${input}`, official(`workspaces.agents.list?input=${input}`)]) {
      expect((await call(path)).statusCode).toBe(400);
    }
  }
  expect((await call(`workspaces.agents.list?input=${json({ json: { workspaceId: workspace.id } })}`)).json()).toEqual(before);
});

test("a batch that is too long is told how long it can be", async () => {
  const response = await call(`${Array(11).fill("simIntegration.health").join(",")}?batch=1&input=%7B%7D`);
  expect(response.json().error.json.message).toMatch(/at most 10.*has 11/);
});

test("another method is told which there are", async () => {
  for (const method of ["PUT", "PATCH", "DELETE"] as const) {
    const url = "/parlant/api/trpc/workspaces.agents.list";
    const response = await app.inject({ method, url, headers: { "x-request-id": "same" } });
    expect([method, response.statusCode, response.headers.allow]).toEqual([method, 405, "GET, HEAD, POST"]);
    expect(response.json().error.json.data).toMatchObject({ code: "METHOD_NOT_ALLOWED", requestId: "same" });
  }
});

test("a batch of ten goes through", async () => {
  const ten = Array(10).fill("simIntegration.health").join(",");
  const response = await call(`${ten}?batch=1&input=%7B%7D`);
  expect(response.statusCode).toBe(200);
  expect(response.json()).toHaveLength(10);
});

test("a query whose input does not fit into a URL comes as a POST; a mutation never by GET, whatever a header says", async () => {
  const input = { json: { workspaceId: workspace.id, search: "nothing of that name" } };
  const asPost = await call("workspaces.agents.list", { body: input });
  const asGet = await call(`workspaces.agents.list?input=${encodeURIComponent(JSON.stringify(input))}`, {});
  expect([asPost.statusCode, asGet.statusCode]).toEqual([200, 200]);
  expect(received(asPost.json())).toEqual(received(asGet.json()));
  const created = { json: { workspaceId: workspace.id, name: "By a GET" } };
  const path = `workspaces.agents.create?input=${encodeURIComponent(JSON.stringify(created))}`;
  expect((await call(path, { headers: { "x-http-method-override": "POST" } })).statusCode).toBe(405);
});

test("a repeated create with the same Idempotency-Key makes one agent", async () => {
  const create = () =>
    call("workspaces.agents.create", {
      body: { json: { workspaceId: workspace.id, name: "Once" } },
      headers: { "idempotency-key": "once" },
    });
  const [first, second] = [await create(), await create()];
  expect(first.statusCode).toBe(200);
  expect(second.json()).toEqual(first.json());
});
