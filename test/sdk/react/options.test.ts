import { dehydrate, hydrate, MutationObserver, QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createClient, NotFoundError } from "../../../client-sdk/src/index.ts";
import { forgetWorkspace, serializingOptions, workspaceOptions } from "../../../client-sdk/src/react/index.ts";
import { makeApiKey, makeWorkspace } from "../../support/database.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { failure, startFakeServer } from "../fake-server.ts";
import { makeClient } from "../make-client.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

/** A workspace of its own with so many agents, and its options. */
async function openWorkspace(...names: string[]) {
  const { id: ownerId } = server.workspace.admin;
  const { id } = await makeWorkspace(server.database.owner, { ownerId });
  const { plain: apiKey } = await makeApiKey(server.database.owner, { userId: ownerId });
  const sim = createClient({ baseUrl: server.url, apiKey });
  for (const name of names) await sim.workspace(id).agents.create({ name });
  return { id, sim, options: workspaceOptions(sim, id) };
}

test("a query answers what the procedure does, and a list comes page by page", async () => {
  const { id, options } = await openWorkspace("A", "B", "C");
  const client = new QueryClient();
  const { data } = await client.fetchQuery(options.agents.list.queryOptions({ sortBy: "name", sortOrder: "asc" }));
  const [first] = data;
  const agent = await client.fetchQuery(options.agents.get.queryOptions({ agentId: first?.id ?? "" }));
  expect([agent.name, agent.workspaceId, agent.createdAt]).toEqual(["A", id, expect.any(Date)]);
  const { pages } = await client.fetchInfiniteQuery({
    ...options.agents.list.infiniteQueryOptions({ limit: 2, sortBy: "name", sortOrder: "asc" }),
    pages: 5,
  });
  expect(pages.map((page) => page.data.map(({ name }) => name))).toEqual([["A", "B"], ["C"]]);
  expect((await client.fetchQuery(options.access.me.queryOptions())).permission).toBe("admin");
});

test("two workspaces share no entry, a list's pages none with the list, and each is forgotten by itself", async () => {
  const [here, there] = [await openWorkspace("Here"), await openWorkspace("There")];
  const client = new QueryClient();
  const names = async () => {
    const lists = [here, there].map(({ options }) =>
      client.fetchQuery({ ...options.agents.list.queryOptions(), staleTime: Infinity }),
    );
    return (await Promise.all(lists)).map(({ data }) => data.map(({ name }) => name));
  };
  expect(await names()).toEqual([["Here"], ["There"]]);
  await client.fetchInfiniteQuery(here.options.agents.list.infiniteQueryOptions());
  client.setQueryData(["of Sim's own"], 1);
  const keys = () =>
    client
      .getQueryCache()
      .findAll()
      .map(({ queryKey }) => queryKey);
  expect(keys().map(([first]) => first)).toEqual([here.id, there.id, here.id, "of Sim's own"]);
  expect(here.options.agents.list.queryOptions({}).queryKey).toEqual(here.options.agents.list.queryKey());

  await forgetWorkspace(client, here.id);
  expect(keys().map(([first]) => first)).toEqual([there.id, "of Sim's own"]);
  await names();
  await new MutationObserver(client, here.options.agents.create.mutationOptions()).mutate({ name: "More" });
  await forgetWorkspace(client);
  expect(keys()).toEqual([["of Sim's own"]]);
  expect(client.getMutationCache().getAll()).toEqual([]);
});

test("what is still being read when it is forgotten is given up and kept nowhere", async () => {
  const signals: AbortSignal[] = [];
  const sim = makeClient({
    baseUrl: server.url,
    fetch: (_url, { signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    },
  });
  const client = new QueryClient();
  const reading = client.fetchQuery(workspaceOptions(sim, "ws").agents.list.queryOptions());
  await expect.poll(() => signals.length).toBe(1);
  await forgetWorkspace(client, "ws");
  await expect(reading).rejects.toThrow();
  expect([signals[0]?.aborted, client.getQueryCache().getAll()]).toEqual([true, []]);
});

test("behind a change, what is shown of its part of the workspace is read anew, and nothing else", async () => {
  const { options } = await openWorkspace("One");
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  const agents = new QueryObserver(client, options.agents.list.queryOptions());
  const access = new QueryObserver(client, options.access.me.queryOptions());
  onTestFinished(agents.subscribe(() => {}));
  onTestFinished(access.subscribe(() => {}));
  await expect.poll(() => [agents.getCurrentResult().status, access.getCurrentResult().status]).toEqual(["success", "success"]);
  const readAt = access.getCurrentResult().dataUpdatedAt;
  const created = await new MutationObserver(client, options.agents.create.mutationOptions()).mutate({ name: "Two" });
  expect(created.createdAt).toBeInstanceOf(Date);
  expect(
    agents
      .getCurrentResult()
      .data?.data.map(({ name }) => name)
      .sort(),
  ).toEqual(["One", "Two"]);
  await new MutationObserver(client, options.agents.delete.mutationOptions()).mutate({ agentId: created.id });
  expect(agents.getCurrentResult().data?.data.map(({ name }) => name)).toEqual(["One"]);
  expect(access.getCurrentResult().dataUpdatedAt).toBe(readAt);
});

test("errors are the client's own, and its repetitions are not multiplied", async () => {
  const { options } = await openWorkspace();
  const agentId = crypto.randomUUID();
  await expect(new QueryClient().fetchQuery(options.agents.get.queryOptions({ agentId }))).rejects.toBeInstanceOf(NotFoundError);
  const fake = await startFakeServer();
  onTestFinished(fake.stop);
  fake.answers(failure(503, "SERVICE_UNAVAILABLE"));
  const away = workspaceOptions(makeClient({ baseUrl: fake.url }), "ws");
  const client = new QueryClient({ defaultOptions: { queries: { retry: 3, retryDelay: 0 } } });
  const observer = new QueryObserver(client, away.agents.list.queryOptions());
  onTestFinished(observer.subscribe(() => {}));
  await expect.poll(() => observer.getCurrentResult().status).toBe("error");
  expect(fake.requests.length).toBe(3);
  const create = new MutationObserver(client, away.agents.create.mutationOptions()).mutate({ name: "Once" });
  await expect(create).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  const keys = fake.requests.slice(3).map(({ headers }) => headers["idempotency-key"]);
  expect([keys.length, new Set(keys).size, keys[0]]).toEqual([3, 1, expect.any(String)]);
});

test("a creation that TanStack Query tries again is the same one; one that is asked for again is another", async () => {
  const fake = await startFakeServer();
  onTestFinished(fake.stop);
  fake.answers(failure(503, "SERVICE_UNAVAILABLE"));
  const { agents } = workspaceOptions(makeClient({ baseUrl: fake.url, retries: 0 }), "ws");
  const patient = { ...agents.create.mutationOptions(), retry: 2, retryDelay: 0 };
  const input = { name: "Once" };
  const keysOf = async () => {
    const before = fake.requests.length;
    await expect(new MutationObserver(new QueryClient(), patient).mutate(input)).rejects.toBeDefined();
    return fake.requests.slice(before).map(({ headers }) => headers["idempotency-key"]);
  };
  const [first, second] = [await keysOf(), await keysOf()];
  expect([first.length, new Set(first).size, second.length, new Set(second).size]).toEqual([3, 1, 3, 1]);
  expect(second[0]).not.toBe(first[0]);
});

test("dates survive the way from the server that renders to the browser", async () => {
  const { options } = await openWorkspace("A");
  const carry = async (defaultOptions: object) => {
    const rendering = new QueryClient({ defaultOptions });
    await rendering.prefetchQuery(options.agents.list.queryOptions());
    const page = JSON.stringify(dehydrate(rendering));
    const browser = new QueryClient({ defaultOptions });
    hydrate(browser, JSON.parse(page));
    return browser.getQueryData(options.agents.list.queryOptions().queryKey)?.data[0]?.createdAt;
  };
  expect(await carry(serializingOptions)).toBeInstanceOf(Date);
  // The control: plain JSON makes text of them.
  expect(await carry({})).toEqual(expect.any(String));
});
