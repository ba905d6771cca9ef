import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openDatabase } from "../../server/db/client.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import { createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let client: ReturnType<typeof openDatabase>;
let db: WorkspaceDb;
const live = randomUUID();
const deleted = randomUUID();
const now = new Date("2026-01-02T00:00:00Z");

beforeAll(async () => {
  database = await createTestDatabase();
  // What is looked at is the client's own scope: the database would refuse any deletion outside a purge.
  await database.owner.query("ALTER TABLE parlant.parlant_agent DISABLE TRIGGER parlant_only_in_purge");
  const { id: workspaceId } = await makeWorkspace(database.owner, { ownerId: (await makeUser(database.owner)).id });
  client = openDatabase({ url: database.ownerUrl, poolSize: 1, maxOverflow: 0, poolTimeoutSeconds: 5, onError() {} });
  db = client.openWorkspace({
    workspaceId,
    prelude: { name: "system", text: "select parlant.parlant_enter_system($1, $2)", values: [workspaceId, "test"] },
  });
});

beforeEach(async () => {
  await db.agent.deleteMany({ where: { OR: [{ deletedAt: null }, { deletedAt: { not: null } }] } });
  for (const [id, deletedAt] of [
    [live, null],
    [deleted, now],
  ] as const) {
    const fields = { name: id, nameKey: id, maxTokens: 100, boundary: "", boundaryKeyVersion: 1 };
    await db.agent.create({ data: { ...fields, id, deletedAt, createdAt: now, updatedAt: now } });
    await db.agentGrant.create({ data: { agentId: id, userId: "ada", level: "view", createdAt: now, updatedAt: now } });
  }
});

afterAll(async () => {
  await client?.close();
  await database?.drop();
});

const anyState = { OR: [{ deletedAt: null }, { deletedAt: { not: null } }] };
const ids = (rows: { id: string }[]) => rows.map(({ id }) => id).sort();
const both = [live, deleted].sort();

test("every read passes a deleted row over, unless its filter speaks of deletedAt", async () => {
  expect(ids(await db.agent.findMany({}))).toEqual([live]);
  expect(ids(await db.agent.findMany({ where: { maxTokens: 100 } }))).toEqual([live]);
  expect(ids(await db.agent.findMany({ where: anyState }))).toEqual(both);
  expect(ids(await db.agent.findMany({ where: { NOT: { deletedAt: null } } }))).toEqual([deleted]);
  expect(await db.agent.findFirst({ where: { id: deleted } })).toBeNull();
  expect(await db.agent.findUnique({ where: { id: deleted } })).toBeNull();
  expect(await db.agent.findUnique({ where: { id: deleted, deletedAt: { not: null } } })).toMatchObject({ id: deleted });
  expect(await db.agent.count({})).toBe(1);
  expect((await db.agent.aggregate({ _sum: { maxTokens: true } }))._sum.maxTokens).toBe(100);
  expect(await db.agent.groupBy({ by: ["maxTokens"], _count: true })).toEqual([{ maxTokens: 100, _count: 1 }]);
});

test("no change reaches it, unless its filter speaks of deletedAt", async () => {
  expect(await db.agent.updateMany({ where: {}, data: { maxTokens: 1 } })).toEqual({ count: 1 });
  await expect(db.agent.update({ where: { id: deleted }, data: { maxTokens: 1 } })).rejects.toMatchObject({ code: "P2025" });
  await expect(db.agent.delete({ where: { id: deleted } })).rejects.toMatchObject({ code: "P2025" });
  expect(await db.agent.deleteMany({ where: { id: deleted } })).toEqual({ count: 0 });
  expect(await db.agent.findMany({ where: anyState, orderBy: { maxTokens: "asc" } })).toMatchObject([
    { id: live, maxTokens: 1 },
    { id: deleted, maxTokens: 100 },
  ]);
  expect(await db.agent.deleteMany({ where: { deletedAt: { lte: now } } })).toEqual({ count: 1 });
});

test("a filter through a relation passes it over too", async () => {
  const of = async (agent: object) => (await db.agentGrant.findMany({ where: { agent } })).map(({ agentId }) => agentId).sort();
  expect(await of({ maxTokens: 100 })).toEqual([live]);
  expect(await of({ is: { maxTokens: 100 } })).toEqual([live]);
  expect(await of({ isNot: { maxTokens: 100 } })).toEqual([deleted]);
  expect(await of({ deletedAt: { not: null } })).toEqual([deleted]);
  expect(await of(anyState)).toEqual(both);
});

test("a page goes on from a row that was deleted meanwhile", async () => {
  const [, ...rest] = both;
  const page = await db.agent.findMany({ where: anyState, cursor: { id: both[0] ?? "" }, skip: 1, orderBy: { id: "asc" } });
  expect(ids(page)).toEqual(rest);
});
