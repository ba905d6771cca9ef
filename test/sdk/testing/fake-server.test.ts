import { createTRPCClient, httpBatchLink } from "@trpc/client";
import { Window } from "happy-dom";
import superjson from "superjson";
import { expect, onTestFinished, test, vi } from "vitest";
import { SERVER_PROCEDURES } from "../../../client-sdk/src/generated/server-rules.ts";
import { createClient, NotFoundError, RateLimitedError, ServiceUnavailableError } from "../../../client-sdk/src/index.ts";
import type { SimRouter } from "../../../client-sdk/src/sim-router.ts";
import { OPEN_HANDLERS, WORKSPACE_HANDLERS } from "../../../client-sdk/src/testing/handlers.ts";
import { createFakeServer, type FakeServer } from "../../../client-sdk/src/testing/index.ts";
import { GIVEN_PATHS } from "../../../client-sdk/src/testing/procedures.ts";
import { refusalOf, says } from "./checks/check.ts";

const BASE_URL = "http://parlant.test/at/a/path";

function makeScene(server: FakeServer = createFakeServer()) {
  const workspaceId = server.addWorkspace({ members: { ana: "admin", ben: "read" } });
  const requests: string[] = [];
  const fetch: FakeServer["fetch"] = (url, init) => {
    requests.push(`${init.method} ${new URL(url).pathname.replace(/.*\/api\/trpc\//, "")}`);
    return server.fetch(url, init);
  };
  const as = (userId: string) => createClient({ baseUrl: BASE_URL, fetch, token: server.addToken(userId), timeoutMs: 10_000 });
  return { server, workspaceId, requests, as, ws: (userId: string) => as(userId).workspace(workspaceId) };
}

test("every procedure of the server is done, streamed or to be given, and none twice", () => {
  const known = [...Object.keys(WORKSPACE_HANDLERS), ...Object.keys(OPEN_HANDLERS), ...GIVEN_PATHS, "workspaces.events.stream"];
  expect(known.sort()).toEqual(Object.keys(SERVER_PROCEDURES).sort());
});

test("nothing reaches the network", async () => {
  const network = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("There is no network here"));
  onTestFinished(() => network.mockRestore());
  const { ws, as } = makeScene();
  expect(await as("ana").health()).toMatchObject({ status: "healthy" });
  expect(await ws("ana").agents.create({ name: "Scout" })).toMatchObject({ name: "Scout" });
  expect(network).not.toHaveBeenCalled();
});

test("what the fake does not do is refused once, by its name and with what to do", async () => {
  const { ws, requests } = makeScene();
  expect(await refusalOf(ws("ana").isolation.health())).toMatchObject({
    ...{ code: "BAD_REQUEST", details: { code: "NO_ANSWER_GIVEN" } },
    message: expect.stringMatching(/workspaces\.isolation\.health.*answer\("workspaces\.isolation\.health", …\)/),
  });
  expect(requests).toEqual(["GET workspaces.isolation.health"]);
});

test("an answer is given as it is or of the input with its defaults, after the caller was let in", async () => {
  const { server, workspaceId, ws, as } = makeScene();
  const isolation = { workspaceId, verified: true };
  const inputs: unknown[] = [];
  server.answer("workspaces.audit.list", (input) => {
    inputs.push(input);
    return { data: [], nextCursor: null, isolation };
  });
  expect(await ws("ana").audit.list({ action: "agent.create" })).toEqual({ data: [], nextCursor: null, isolation });
  expect(inputs).toEqual([expect.objectContaining({ workspaceId, action: "agent.create", limit: 50 })]);
  expect(await refusalOf(ws("ben").audit.list())).toMatchObject({
    code: "FORBIDDEN",
    details: { required: "admin", actual: "read" },
  });
  expect(await refusalOf(ws("nobody").audit.list())).toMatchObject({ code: "NOT_FOUND", message: "Workspace not found" });
  expect(await refusalOf(ws("ana").audit.list({ limit: 0 }))).toMatchObject({ code: "BAD_REQUEST", details: { issues: [{}] } });
  expect(inputs).toHaveLength(1);
  server.answer("simIntegration.cache.clear", { cleared: 3 });
  expect(await as("nobody").integration.cache.clear()).toEqual({ cleared: 3 });
  const unknown = createClient({ baseUrl: BASE_URL, fetch: server.fetch, apiKey: "sk-sim-unknown" });
  expect(await refusalOf(unknown.integration.cache.clear())).toMatchObject({ code: "UNAUTHORIZED" });
});

test("an answer takes the fake's own place, and what it throws of the client's errors is the refusal", async () => {
  const { server, ws, requests } = makeScene();
  const { agents } = ws("ana");
  server.answer("workspaces.agents.get", () => {
    throw new NotFoundError("Gone", { details: { code: "X" } });
  });
  expect(await refusalOf(agents.get("01890000-0000-7000-8000-000000000000"))).toEqual({
    ...{ name: "NotFoundError", code: "NOT_FOUND", status: 404, message: "Gone", details: { code: "X" } },
    requestId: expect.stringMatching(/./),
  });
  let left = 2;
  const { data } = await agents.list();
  requests.length = 0;
  server.answer("workspaces.agents.list", ({ workspaceId }) => {
    if (left-- > 0) throw new ServiceUnavailableError("Not now", { retryAfterMs: 1 });
    return { data, nextCursor: null, isolation: { workspaceId, verified: true } };
  });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const listed = Promise.resolve(agents.list());
  await vi.waitUntil(() => requests.length === 1);
  await vi.runAllTimersAsync();
  expect(await listed).toMatchObject({ data: [] });
  expect(requests).toHaveLength(3);
  server.answer("workspaces.agents.list", () => {
    throw new RateLimitedError("Slowly", { retryAfterMs: 90_000 });
  });
  await expect(Promise.resolve(agents.list())).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 90_000 });
});

test("an answer that no server could give, and one that fails, are told as that and not asked for again", async () => {
  const { server, ws, requests } = makeScene();
  server.answer("workspaces.agents.list", { data: [{ id: "no-uuid" }], nextCursor: null } as never);
  expect(await refusalOf(ws("ana").agents.list())).toMatchObject({
    ...{ code: "BAD_REQUEST", details: { code: "ANSWER_INVALID" } },
    message: expect.stringContaining("workspaces.agents.list"),
  });
  server.answer("workspaces.agents.list", () => {
    throw new RangeError("a mistake in the test");
  });
  expect(await refusalOf(ws("ana").agents.list())).toMatchObject({
    ...{ details: { code: "ANSWER_FAILED" }, message: expect.stringContaining("a mistake in the test") },
  });
  expect(requests).toHaveLength(2);
});

test("time is the test's own", async () => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  const { ws } = makeScene(createFakeServer({ now: () => now }));
  const { agents } = ws("ana");
  const agent = await agents.create({ name: "Scout" });
  expect(agent.createdAt).toEqual(new Date(now));
  await agents.grants.set(agent.id, "ben", { level: "interact", expiresAt: new Date(now + 1_000) });
  expect(await ws("ben").agents.get(agent.id)).toMatchObject({ accessLevel: "interact" });
  now += 1_000;
  expect(await ws("ben").agents.get(agent.id)).toMatchObject({ accessLevel: "view" });
});

test("two fakes have nothing in common, and what is put into one twice or not at all is told", async () => {
  const one = createFakeServer();
  const other = createFakeServer();
  for (const server of [one, other]) server.addWorkspace({ id: "acme", members: { ana: "admin" } });
  const apiKey = one.addApiKey({ userId: "ana" });
  const at = (server: FakeServer) => createClient({ baseUrl: BASE_URL, fetch: server.fetch, apiKey }).workspace("acme").agents;
  await at(one).create({ name: "Scout" });
  expect(await refusalOf(at(other).list())).toMatchObject({ code: "UNAUTHORIZED" });
  expect(() => one.addWorkspace({ id: "acme" })).toThrow("acme already");
  expect(() => one.setPermission("none", "ana", "read")).toThrow("no workspace none");
  expect(() => one.addApiKey({ workspaceId: "none" })).toThrow("no workspace none");
  expect(() => one.revoke("sk-sim-none")).toThrow("no such");
});

test("a workspace can forbid personal keys, and be gone with all that it held", async () => {
  const server = createFakeServer();
  const workspaceId = server.addWorkspace({ members: { ana: "admin" }, allowsPersonalApiKeys: false });
  const { agents } = createClient({ baseUrl: BASE_URL, fetch: server.fetch, token: server.addToken("ana") }).workspace(
    workspaceId,
  );
  const apiKey = server.addApiKey({ userId: "ana" });
  const byKey = createClient({ baseUrl: BASE_URL, fetch: server.fetch, apiKey }).workspace(workspaceId).agents;
  expect(await refusalOf(byKey.list())).toMatchObject({ code: "FORBIDDEN", details: { code: "PERSONAL_API_KEYS_DISABLED" } });
  const agent = await agents.create({ name: "Scout" });
  const itsKey = server.addApiKey({ workspaceId });
  const byItsKey = createClient({ baseUrl: BASE_URL, fetch: server.fetch, apiKey: itsKey }).workspace(workspaceId).agents;
  expect(await byItsKey.get(agent.id)).toMatchObject({ name: "Scout" });
  server.removeWorkspace(workspaceId);
  expect(await refusalOf(agents.get(agent.id))).toMatchObject({ message: "Workspace not found" });
  expect(await refusalOf(byItsKey.list())).toMatchObject({ code: "UNAUTHORIZED" });
  server.addWorkspace({ id: workspaceId, members: { ana: "admin" } });
  expect((await byKey.list()).data).toEqual([]);
});

test("who loses a permission loses the grants with it", async () => {
  const { server, workspaceId, ws } = makeScene();
  const { agents } = ws("ana");
  const agent = await agents.create({ name: "Scout" });
  await agents.grants.set(agent.id, "ben", { level: "interact" });
  server.setPermission(workspaceId, "ben", null);
  server.setPermission(workspaceId, "ben", "read");
  expect(await ws("ben").agents.get(agent.id)).toMatchObject({ accessLevel: "view" });
  expect((await agents.grants.list(agent.id)).data).toEqual([]);
});

test("closed, it ends streams and waits and takes no call, and none is made again", async () => {
  const { server, ws, as, requests } = makeScene();
  const { agents, sessions, events } = ws("ana");
  const { id } = await sessions.create({ agentId: (await agents.create({ name: "Scout" })).id });
  const stream = events.stream(id);
  await events.append(id, says("0"));
  await stream.next();
  const ends = [refusalOf(stream.next()), refusalOf(events.list(id, { minOffset: 1, waitSeconds: 25 }))];
  await vi.waitUntil(() => requests.at(-1) === "GET workspaces.events.list");
  server.close();
  const closed = { code: "BAD_REQUEST", message: "The fake server is closed", details: { code: "FAKE_CLOSED" } };
  for (const end of ends) expect(await end).toMatchObject(closed);
  requests.length = 0;
  expect(await refusalOf(agents.list())).toMatchObject(closed);
  expect(await refusalOf(as("ana").health())).toMatchObject(closed);
  expect(requests).toHaveLength(2);
});

test("a reader who leaves leaves nothing behind: no wait, no timer", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const { ws } = makeScene();
  const { agents, sessions, events } = ws("ana");
  const { id } = await sessions.create({ agentId: (await agents.create({ name: "Scout" })).id });
  await events.append(id, says("0"));
  for await (const { offset } of events.stream(id)) if (offset === 0) break;
  const controller = new AbortController();
  const waiting = refusalOf(events.list(id, { minOffset: 1, waitSeconds: 25 }, { signal: controller.signal }));
  await vi.waitUntil(() => vi.getTimerCount() > 0);
  controller.abort();
  expect(await waiting).toMatchObject({ code: "ABORTED" });
  await vi.waitUntil(() => vi.getTimerCount() === 0);
});

test("it speaks tRPC's protocol: batches, queries too long for a URL, request ids, and 404 beside it", async () => {
  const { server, workspaceId, ws, requests } = makeScene();
  const token = server.addToken("ana");
  const batching = createTRPCClient<SimRouter>({
    links: [
      httpBatchLink({
        url: `${BASE_URL}/api/trpc`,
        transformer: superjson,
        headers: { authorization: `Bearer ${token}` },
        fetch: (url, init) => server.fetch(String(url), init as never) as Promise<Response>,
      }),
    ],
  });
  const { agents, access } = batching.workspaces;
  const [page, me] = await Promise.all([agents.list.query({ workspaceId }), access.me.query({ workspaceId })]);
  expect([page.data, me.decision.decidedAt]).toEqual([[], expect.any(Date)]);
  expect(await refusalOf(ws("ana").agents.list({ cursor: "x".repeat(2_000) }))).toMatchObject({
    details: { issues: [{ path: ["cursor"] }] },
  });
  expect(requests).toEqual(["POST workspaces.agents.list"]);
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const { signal } = new AbortController();
    const {
      status,
      headers: given,
      text,
    } = await server
      .fetch(`${BASE_URL}${path}`, { method: "GET", headers, signal, redirect: "manual" })
      .then(async (response) => ({ status: response.status, headers: response.headers, text: await response.text() }));
    return { status, requestId: given.get("x-request-id"), ...(JSON.parse(text) as { error?: { json: { data: object } } }) };
  };
  expect(await get("/api/trpc/simIntegration.health", { "x-request-id": "mine" })).toMatchObject({
    status: 200,
    requestId: "mine",
  });
  expect(await get("/api/v1/sim-integration/health")).toMatchObject({ status: 404 });
  expect(await get("/api/trpc/workspaces.nothing")).toMatchObject({
    status: 404,
    error: { json: { message: "No such procedure" } },
  });
  expect(await get("/api/trpc/workspaces.agents.create")).toMatchObject({ status: 405 });
  expect(await get("/api/trpc/simIntegration.health?input={")).toMatchObject({ status: 400 });
});

test("it takes the signal of a page's window, which the platform's own Request refuses", async () => {
  const window = new Window();
  onTestFinished(() => window.happyDOM.close());
  const { signal } = new window.AbortController() as unknown as AbortController;
  const url = `${BASE_URL}/api/trpc/simIntegration.health`;
  expect(() => new Request(url, { signal })).toThrow(TypeError);
  expect(await createFakeServer().fetch(url, { method: "GET", headers: {}, signal, redirect: "manual" })).toMatchObject({
    status: 200,
  });
});
