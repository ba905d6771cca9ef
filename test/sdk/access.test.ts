import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../client-sdk/src/index.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server?.stop());

const workspaceOf = (headers: Record<string, string>) =>
  createClient({ baseUrl: server.url, token: headers["authorization"]?.replace("Bearer ", "") ?? "" }).workspace(
    server.workspace.id,
  );

test("grants are given, listed and taken, and what they do is asked, explained and simulated", async () => {
  const { admin, reader } = server.workspace;
  const [admins, readers] = [workspaceOf(admin.headers), workspaceOf(reader.headers)];
  const { id } = await admins.agents.create({ name: "Scout", visibility: "restricted" });
  const expiresAt = new Date("2030-01-02T03:04:05.678Z");
  expect(await admins.agents.grants.set(id, reader.id, { level: "view", expiresAt })).toMatchObject({ expiresAt });
  expect((await readers.agents.get(id)).accessLevel).toBe("view");
  const grants: string[] = [];
  for await (const { userId } of admins.agents.grants.list(id)) grants.push(userId);
  expect(grants).toEqual([reader.id]);
  expect((await readers.access.me()).permission).toBe("read");
  const members: string[] = [];
  for await (const { userId } of readers.access.members({ limit: 1 })) members.push(userId);
  expect(members).toHaveLength(3);
  expect(await admins.access.explain({ operation: "agent:update", agentId: id }, { userId: reader.id })).toMatchObject({
    allowed: false,
    rule: "grant",
  });
  const change = { kind: "grant", agentId: id, userId: reader.id, level: null } as const;
  expect(await admins.access.simulate(change)).toMatchObject({ lost: 1 });
  await admins.agents.grants.remove(id, reader.id);
  expect((await readers.access.check([{ operation: "agent:get", agentId: id }])).data).toMatchObject([{ reason: "NOT_FOUND" }]);
});

test("a hundred checks, too long for a URL, are asked in one request by POST; a few by GET", async () => {
  const sent: string[] = [];
  const { admin } = server.workspace;
  const { access } = createClient({
    baseUrl: server.url,
    token: admin.headers["authorization"]?.replace("Bearer ", "") ?? "",
    fetch: (url, init) => {
      sent.push(init.method);
      return fetch(url, init as RequestInit);
    },
  }).workspace(server.workspace.id);
  const { id: agentId } = await workspaceOf(admin.headers).agents.create({ name: "Asked" });
  const { data } = await access.check(Array.from({ length: 100 }, () => ({ operation: "agent:update" as const, agentId })));
  expect(data.map(({ allowed }) => allowed)).toEqual(Array(100).fill(true));
  await access.check([{ operation: "agent:list" }]);
  expect(sent).toEqual(["POST", "GET"]);
});

test("guidelines are given to an agent, read in their order, changed, copied and taken", async () => {
  const admins = workspaceOf(server.workspace.admin.headers);
  const [from, to] = [await admins.agents.create({ name: "From" }), await admins.agents.create({ name: "To" })];
  const second = await admins.guidelines.create(from.id, { condition: "second" });
  await admins.guidelines.create(from.id, { condition: "first", priority: 1 });
  await admins.guidelines.update(from.id, second.id, { action: "act" });
  const conditions: string[] = [];
  for await (const { condition } of admins.guidelines.list(from.id, { limit: 1 })) conditions.push(condition);
  expect(conditions).toEqual(["first", "second"]);
  const { guidelines } = await admins.guidelines.export(from.id);
  expect(await admins.guidelines.import(to.id, { guidelines, mode: "replace" })).toMatchObject({ created: 2, deleted: 0 });
  expect((await admins.guidelines.export(to.id)).guidelines).toEqual(guidelines);
  await admins.guidelines.delete(from.id, second.id);
  expect((await admins.guidelines.list(from.id)).data).toMatchObject([{ condition: "first" }]);
});
