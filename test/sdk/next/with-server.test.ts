import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, ForbiddenError, NotFoundError, UnauthorizedError } from "../../../client-sdk/src/index.ts";
import { createParlantRoute, type ParlantRoute } from "../../../client-sdk/src/next/index.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";

/** NEXT_PUBLIC_APP_URL of the servers under test. */
const PAGE = "http://localhost:3000";

let server: TestServer;
let cookie: string;
beforeAll(async () => {
  server = await startTestServer({ BASE_PATH: "/parlant" });
  const token = server.workspace.admin.headers["authorization"]?.replace("Bearer ", "") ?? "";
  cookie = `sim_theme=dark; better-auth.session_token=${encodeURIComponent(token)}`;
});
afterAll(() => server?.stop());

/** A page's client: a browser adds the origin and the cookie, which the page itself cannot read. */
function pageClient(browser: Record<string, string>) {
  const route = createParlantRoute({ baseUrl: server.url });
  return createClient({
    baseUrl: `${PAGE}/api/parlant`,
    retries: 0,
    fetch: (url, { headers, ...init }) =>
      route[init.method as keyof ParlantRoute](
        new Request(url, { ...init, headers: { ...headers, "sec-fetch-site": "same-origin", ...browser } }),
      ),
  });
}

test("a page of Sim's does as its user what the user may, through its own origin", async () => {
  const agents = pageClient({ cookie, origin: PAGE }).workspace(server.workspace.id).agents;
  const { id, createdBy, createdAt } = await agents.create({ name: "From a page" });
  expect([createdBy, createdAt]).toEqual([server.workspace.admin.id, expect.any(Date)]);
  expect((await agents.list()).data.map((agent) => agent.id)).toEqual([id]);
  expect((await agents.update(id, { description: "d", version: 1 })).version).toBe(2);
  await agents.delete(id);
  await expect(agents.get(id)).rejects.toBeInstanceOf(NotFoundError);
});

test("without the cookie it is nobody", async () => {
  const refused = pageClient({ cookie: "sim_theme=dark", origin: PAGE }).workspace(server.workspace.id).agents.list();
  await expect(refused).rejects.toBeInstanceOf(UnauthorizedError);
});

test("a page of another origin changes nothing, whichever rule meets it", async () => {
  const other = { cookie, origin: "https://evil.example" };
  // Told by Sec-Fetch-Site to the route; by Origin alone, as of an older browser, to the server.
  for (const site of ["cross-site", "same-origin"]) {
    const { agents } = pageClient({ ...other, "sec-fetch-site": site }).workspace(server.workspace.id);
    await expect(agents.create({ name: "Planted" })).rejects.toBeInstanceOf(ForbiddenError);
  }
  const { agents } = pageClient({ cookie, origin: PAGE }).workspace(server.workspace.id);
  expect((await agents.list({ search: "Planted" })).data).toEqual([]);
});

test("REST answers come with their status, version and place", async () => {
  const route = createParlantRoute({ baseUrl: server.url });
  const path = `/api/v1/workspaces/${server.workspace.id}/agents`;
  const headers = { cookie, origin: PAGE, "content-type": "application/json", "idempotency-key": "one" };
  const init = { method: "POST", headers, body: JSON.stringify({ name: "By REST" }) };
  const created = await route.POST(new Request(`${PAGE}/api/parlant${path}`, init));
  const { id } = (await created.json()) as { id: string };
  expect([created.status, created.headers.get("etag"), created.headers.get("location")]).toEqual([
    201,
    '"1"',
    `/api/parlant${path}/${id}`,
  ]);
  expect(created.headers.get("x-ratelimit-remaining")).toMatch(/^\d+$/);
  const repeated = await route.POST(new Request(`${PAGE}/api/parlant${path}`, init));
  expect(await repeated.json()).toMatchObject({ id });
  const stale = await route.PATCH(
    new Request(`${PAGE}/api/parlant${path}/${id}`, {
      ...init,
      method: "PATCH",
      headers: { ...headers, "if-match": '"9"' },
    }),
  );
  expect(stale.status).toBe(409);
});
