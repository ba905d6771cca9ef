import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../../server/db/client.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let client: ReturnType<typeof openDatabase>;
let db: WorkspaceDb;

beforeAll(async () => {
  database = await createTestDatabase();
  client = openDatabase({ url: database.appUrl, poolSize: 1, maxOverflow: 0, poolTimeoutSeconds: 5, onError() {} });
  db = client.openWorkspace({
    workspaceId: "a",
    prelude: { name: "system", text: "select parlant.parlant_enter_system($1, $2)", values: ["a", "test"] },
  });
});

afterAll(async () => {
  await client?.close();
  await database?.drop();
});

const foreign = { workspaceId: "b" };
const REFUSED: [string, object, RegExp][] = [
  ["findMany", { where: foreign }, /workspaceId of the caller/],
  ["findMany", { where: { AND: [{ NOT: foreign }] } }, /workspaceId of the caller/],
  ["findMany", { where: { OR: { workspaceId_id: { workspaceId: "b", id: "x" } } } }, /workspaceId of the caller/],
  ["findMany", { where: { workspace: { is: { id: "b" } } } }, /model "SimWorkspace"/],
  ["findMany", { where: { grants: { some: foreign } } }, /workspaceId of the caller/],
  ["findMany", { where: { grants: { some: { agent: { workspace: { name: "b" } } } } } }, /model "SimWorkspace"/],
  ["findMany", { where: { grants: { any: {} } } }, /relation filter "any"/],
  ["findMany", { where: { grants: new Date() } }, /kind on a relation/],
  ["findMany", { include: { workspace: true } }, /model "SimWorkspace"/],
  ["findMany", { select: { workspace: { select: { agents: true } } } }, /model "SimWorkspace"/],
  ["findMany", { include: { grants: { where: foreign } } }, /workspaceId of the caller/],
  ["findMany", { include: { grants: { sneaky: true } } }, /argument "sneaky"/],
  ["findMany", { include: { _count: { select: { workspace: true } } } }, /model "SimWorkspace"/],
  ["findMany", { orderBy: { workspace: { name: "asc" } } }, /model "SimWorkspace"/],
  ["findMany", { orderBy: [{ workspaceId: "asc" }] }, /workspaceId of the caller/],
  ["findMany", { cursor: { workspaceId_id: { workspaceId: "b", id: "x" } } }, /workspaceId of the caller/],
  ["findMany", { cursor: { id: "x", name: { contains: "y" } } }, /cursor of anything but a unique key/],
  ["findMany", { include: { grants: { cursor: { agentId: "x", userId: "u", level: "view" } } } }, /cursor of anything but/],
  ["deleteMany", { where: undefined }, /filter of this kind/],
  ["deleteMany", { where: { name: undefined } }, /undefined "name" in a filter/],
  ["updateMany", { where: { OR: [{ id: undefined }] }, data: {} }, /undefined "id" in a filter/],
  ["findMany", { include: { grants: { where: undefined } } }, /filter of this kind/],
  ["findMany", { rejectOnNotFound: true }, /argument "rejectOnNotFound"/],
  ["findUnique", { where: { name: "x" } }, /unique key/],
  ["findUnique", { where: { id: { in: ["x"] } } }, /unique key/],
  ["create", { data: { name: "x", ...foreign } }, /workspaceId of the caller/],
  ["create", { data: { name: "x", workspace: { connect: { id: "b" } } } }, /model "SimWorkspace"/],
  ["create", { data: { grants: { create: foreign } } }, /workspaceId of the caller/],
  ["create", { data: { grants: { connect: { workspaceId_agentId_userId: {} } } } }, /workspaceId of the caller/],
  ["createMany", { data: [{ name: "x" }, foreign] }, /workspaceId of the caller/],
  ["updateMany", { where: {}, data: { workspaceId: { set: "b" } } }, /workspaceId of the caller/],
  ["update", { where: { id: "x" }, data: { workspace: { connect: { id: "b" } } } }, /model "SimWorkspace"/],
  ["update", { where: { id: "x" }, data: { grants: { set: [] } } }, /operation "set"/],
  ["update", { where: { id: "x" }, data: { grants: { disconnect: {} } } }, /operation "disconnect"/],
  ["update", { where: { id: "x" }, data: { grants: { deleteMany: foreign } } }, /workspaceId of the caller/],
  ["update", { where: { id: "x" }, data: { grants: { update: { where: { userId: "u" }, data: {} } } } }, /unique key/],
  ["upsert", { where: { id: "x" }, create: foreign, update: {} }, /workspaceId of the caller/],
];

test.each(REFUSED)("agent.%s(%j) is refused by name", async (action, args, message) => {
  const { agent } = db as unknown as { agent: Record<string, (args: object) => Promise<unknown>> };
  await expect(Promise.resolve().then(() => agent[action]?.(args))).rejects.toThrow(message);
});

test("there is nothing on a workspace's client but its models, its transaction and its named reads", () => {
  expect(Object.keys(db).sort()).toEqual(
    [
      "agent",
      "agentCounter",
      "agentGrant",
      "agentPage",
      "agentsById",
      "analytics",
      "appendEvents",
      "auditCheckpoint",
      "auditEvent",
      "auditLeaf",
      "auditLog",
      "authzDecision",
      "confirm",
      "endpointAttempt",
      "endpointDelivery",
      "event",
      "eventPage",
      "grantsOfUsers",
      "guideline",
      "idempotencyKey",
      "levelChanges",
      "members",
      "session",
      "sessionActivity",
      "sessionCounts",
      "sessionFacts",
      "sessionPage",
      "sessionsById",
      "transaction",
      "webhookDelivery",
      "webhookEndpoint",
      "workspaceState",
    ].sort(),
  );
  expect(Reflect.ownKeys(db.agent)).not.toContain("$parent");
  expect(Object.isFrozen(db) && Object.isFrozen(db.agent)).toBe(true);
});
