import {
  type DehydratedState,
  dehydrate,
  HydrationBoundary,
  QueryClient,
  QueryClientProvider,
  useQuery,
} from "@tanstack/react-query";
import { createElement, StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type FetchLike, type SimClient } from "../../../client-sdk/src/index.ts";
import {
  type FollowOptions,
  serializingOptions,
  useSessionEvents,
  workspaceOptions,
} from "../../../client-sdk/src/react/index.ts";
import { makeApiKey } from "../../support/database.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { openPage } from "./page.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

const says = (message: string) => ({ kind: "message", source: "customer", data: { message } }) as const;

/** A client of the admin's under a key of its own, and the requests that it has open. */
async function openClient() {
  const { plain: apiKey, id: keyId } = await makeApiKey(server.database.owner, { userId: server.workspace.admin.id });
  const requests: string[] = [];
  let open = 0;
  const watched: FetchLike = async (url, init) => {
    requests.push(url);
    const response = await fetch(url, init);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body) return response;
    const reader = response.body.getReader();
    open++;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value } = await reader.read();
        if (value) controller.enqueue(value);
        else controller.close();
      },
      cancel() {
        open--;
        return reader.cancel();
      },
    });
    return new Response(body, response);
  };
  const sim = createClient({ baseUrl: server.url, apiKey, fetch: watched });
  const revoke = () => server.database.owner.query("delete from api_key where id = $1", [keyId]);
  return { sim, requests, openStreams: () => open, revoke };
}

async function openSession(sim: SimClient) {
  const ws = sim.workspace(server.workspace.id);
  const agent = await ws.agents.create({ name: crypto.randomUUID() });
  return { ws, session: await ws.sessions.create({ agentId: agent.id }) };
}

/** What has been rendered since a test cleared it: a page's text misses what stands there for one render. */
const rendered: string[] = [];

function Live({ sim, sessionId, options }: { sim: SimClient; sessionId: string; options?: FollowOptions }) {
  const { events, status, error } = useSessionEvents(sim, server.workspace.id, sessionId, options);
  const text = `${status} ${error?.code ?? ""} ${events.map(({ offset }) => offset).join()}`;
  rendered.push(text);
  return text;
}
const live = (sim: SimClient, sessionId: string, options: FollowOptions = {}) =>
  createElement(StrictMode, null, createElement(Live, { sim, sessionId, options }));

test("a component follows its session, and has nothing open once it is gone", async () => {
  const { sim, openStreams } = await openClient();
  const { ws, session } = await openSession(sim);
  await ws.events.append(session.id, [says("0"), says("1")]);
  const page = await openPage();
  await page.show(live(sim, session.id));
  await expect.poll(page.text).toBe("following  0,1");
  await ws.events.append(session.id, [says("2")]);
  await expect.poll(page.text).toBe("following  0,1,2");
  await page.show(live(sim, session.id, { keep: 2 }));
  await expect.poll(page.text).toBe("following  1,2");
  await page.show(live(sim, session.id, { fromOffset: 2, kinds: ["message"] }));
  await expect.poll(page.text).toBe("following  2");
  // Each change of what is followed has ended what was followed before, StrictMode's rehearsal included.
  await expect.poll(openStreams).toBe(1);
  await page.leave();
  await expect.poll(openStreams).toBe(0);
});

test("what was followed before is never rendered for another session, under another client, or again once it was not enabled", async () => {
  const [mine, theirs] = [await openClient(), await openClient()];
  const [one, other] = [await openSession(mine.sim), await openSession(mine.sim)];
  await one.ws.events.append(one.session.id, [says("0"), says("1")]);
  await one.ws.events.append(other.session.id, [says("0")]);
  const page = await openPage();
  const showsBefore = () => page.show(live(mine.sim, one.session.id));
  const whileShowing = async (node: ReturnType<typeof live>, text: string) => {
    rendered.length = 0;
    await page.show(node);
    await expect.poll(page.text).toBe(text);
    return rendered;
  };
  await showsBefore();
  await expect.poll(page.text).toBe("following  0,1");
  expect(await whileShowing(live(mine.sim, other.session.id), "following  0")).not.toContain("following  0,1");
  await whileShowing(live(mine.sim, one.session.id), "following  0,1");
  // The other client may see nothing: all there is to render is what was there before.
  await theirs.revoke();
  expect(await whileShowing(live(theirs.sim, one.session.id), "failed UNAUTHORIZED ")).not.toContain("following  0,1");
  await whileShowing(live(mine.sim, one.session.id), "following  0,1");
  expect(await whileShowing(live(mine.sim, one.session.id, { enabled: false }), "idle  ")).not.toContain("following  0,1");
  rendered.length = 0;
  await showsBefore();
  expect(rendered[0]).toBe("following  ");
  // The control: where nothing that is followed changes, what was seen is rendered again.
  await expect.poll(page.text).toBe("following  0,1");
  rendered.length = 0;
  await showsBefore();
  expect(rendered[0]).toBe("following  0,1");
  await page.leave();
});

test("with 0 to keep, no event is kept", async () => {
  const { sim } = await openClient();
  const { ws, session } = await openSession(sim);
  await ws.events.append(session.id, [says("0")]);
  const page = await openPage();
  await page.show(live(sim, session.id, { keep: 0 }));
  rendered.length = 0;
  // An event that is not kept is a render all the same.
  await ws.events.append(session.id, [says("1")]);
  await expect.poll(() => rendered.length).toBeGreaterThan(0);
  expect(new Set(rendered)).toEqual(new Set(["following  "]));
  await page.leave();
});

test("losing the permission is an error, and what was seen is no longer shown", async () => {
  const { sim, revoke } = await openClient();
  const { ws, session } = await openSession(sim);
  await ws.events.append(session.id, [says("0")]);
  const page = await openPage();
  await page.show(live(sim, session.id));
  await expect.poll(page.text).toBe("following  0");
  await revoke();
  await expect.poll(page.text, { timeout: 20_000 }).toBe("failed UNAUTHORIZED ");
  await page.leave();
});

test("what the server has read is rendered there and in the browser, without being read again", async () => {
  const { sim, requests } = await openClient();
  const agent = await sim.workspace(server.workspace.id).agents.create({ name: "Prefetched" });
  const options = workspaceOptions(sim, server.workspace.id).agents.get.queryOptions({ agentId: agent.id });
  const Shown = () => {
    const { data } = useQuery({ ...options, staleTime: Number.POSITIVE_INFINITY });
    return `${data?.name} ${data?.createdAt.toISOString()}`;
  };
  const withData = (client: QueryClient, state?: DehydratedState) =>
    createElement(QueryClientProvider, { client }, createElement(HydrationBoundary, { state }, createElement(Shown)));
  const rendering = new QueryClient({ defaultOptions: serializingOptions });
  await rendering.prefetchQuery(options);
  const state = JSON.stringify(dehydrate(rendering));
  requests.length = 0;
  const expected = `Prefetched ${agent.createdAt.toISOString()}`;
  expect(renderToString(withData(rendering))).toBe(expected);

  const page = await openPage();
  const browser = new QueryClient({ defaultOptions: serializingOptions });
  await page.show(withData(browser, JSON.parse(state)));
  expect(page.text()).toBe(expected);
  expect(requests).toEqual([]);
  await page.leave();

  // The control: without the server's data the page has to ask.
  const empty = await openPage();
  await empty.show(withData(new QueryClient()));
  expect(requests.length).toBe(1);
  await expect.poll(empty.text).toBe(expected);
  await empty.leave();
});
