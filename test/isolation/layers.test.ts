import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runBound } from "../../server/db/binding.ts";
import { type Database, openDatabase } from "../../server/db/client.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import type { Dependencies } from "../../server/dependencies.ts";
import { withConnection } from "../support/connection.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

/**
 * What one layer alone stops; the others are shown to let it pass.
 *
 * | what is tried                                          | stopped by               | shown                        |
 * | ------------------------------------------------------ | ------------------------ | ---------------------------- |
 * | a verb names another workspace, goes through Sim's     | the scope                | here, scope-refusals         |
 * | the server's own SQL forgets its workspace             | row-level security       | here                         |
 * | a reference to another workspace's row                 | the keys                 | here                         |
 * | a statement that no policy is asked about (TRUNCATE)   | the role's privileges    | here                         |
 * | the owner moves a row to another workspace             | the boundary             | here, moved-row              |
 * | a caller whose permission was taken away meanwhile     | the guard in the prelude | permissions/revocation.test  |
 *
 * Reads and writes of every kind are stopped by the scope alone and by row-level security alone: see differential/.
 */
let database: TestDatabase;
let dependencies: Dependencies;
let client: Database;
let mine: TestWorkspace;
let theirs: TestWorkspace;
let agentId: string;
let theirAgentId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl);
  client = openDatabase({ url: database.appUrl, poolSize: 1, maxOverflow: 0, poolTimeoutSeconds: 5, onError() {} });
});

beforeEach(async () => {
  mine = await makeStaffedWorkspace(database.owner);
  theirs = await makeStaffedWorkspace(database.owner);
  agentId = (await agentsOf(mine).create({ workspaceId: mine.id, name: "Mine" })).id;
  theirAgentId = (await agentsOf(theirs).create({ workspaceId: theirs.id, name: "Theirs" })).id;
});

afterAll(async () => {
  await client?.close();
  await dependencies?.close();
  await database?.drop();
});

const agentsOf = ({ admin }: TestWorkspace) => callerWith(dependencies, admin.headers).workspaces.agents;
const grantOn = (id: string) => ({
  agentId: id,
  userId: "u",
  level: "view" as const,
  createdAt: new Date(),
  updatedAt: new Date(),
});

/** Runs SQL as one who passes every policy. */
const asSuperuser = (text: string, ...values: unknown[]) =>
  withConnection(database.superuserUrl, async (superuser) => (await superuser.query(text, values)).rows);

describe("the scope", () => {
  const throughSim = { include: { workspace: { include: { agents: true } } } };
  const find = (db: WorkspaceDb) =>
    (db as unknown as { agent: { findMany(args: object): Promise<object[]> } }).agent.findMany(throughSim);

  test("refuses the way through Sim's tables, which row-level security and the keys know nothing of", async () => {
    await expect(Promise.resolve().then(() => find(client.openWorkspace(systemBinding(mine.id, "test"))))).rejects.toThrow(
      /model "SimWorkspace"/,
    );
    const withoutScope = client.openWorkspace(systemBinding(mine.id, "test"), { isExtensionOn: false });
    expect(await find(withoutScope)).toMatchObject([
      { id: agentId, workspace: { ownerId: mine.admin.id, agents: [{ id: agentId }] } },
    ]);
  });
});

describe("row-level security", () => {
  const text = "select id from parlant.parlant_agent where id = any ($1::uuid[]) order by id";

  test("keeps SQL that forgets its workspace to the one it was entered with, and to nothing where there is none", async () => {
    const ids = [agentId, theirAgentId];
    const bound = () => client.unscopedPrisma.$queryRawUnsafe<{ id: string }[]>(text, ids);
    expect(await runBound(systemBinding(mine.id, "test"), async () => await bound())).toEqual([{ id: agentId }]);
    expect(await client.sim.query({ name: "forgetful", text, values: [ids] })).toEqual([]);
    expect(await asSuperuser(text, ids)).toHaveLength(2);
  });
});

describe("the keys", () => {
  test("refuse a reference to another workspace's row, which no other layer looks at", async () => {
    const db = client.openWorkspace(systemBinding(mine.id, "test"));
    await expect(db.agentGrant.create({ data: grantOn(theirAgentId) })).rejects.toMatchObject({ code: "P2003" });
    const KEY = "parlant_agent_grant_workspace_id_agent_id_fkey";
    await database.owner.query(`alter table parlant.parlant_agent_grant drop constraint ${KEY}`);
    try {
      expect(await db.agentGrant.create({ data: grantOn(theirAgentId) })).toMatchObject({ agentId: theirAgentId });
      await db.agentGrant.deleteMany({ where: { agentId: theirAgentId } });
    } finally {
      await database.owner.query(
        `alter table parlant.parlant_agent_grant add constraint ${KEY} foreign key (workspace_id, agent_id)
         references parlant.parlant_agent (workspace_id, id) on delete cascade`,
      );
    }
  });
});

describe("the role's privileges", () => {
  test("refuse what no policy is asked about: TRUNCATE empties the table of all workspaces", async () => {
    const truncate = () =>
      withConnection(database.appUrl, async (app) => {
        await app.query("begin");
        await app.query("truncate parlant.parlant_idempotency_key");
        await app.query("rollback");
      });
    await expect(truncate()).rejects.toMatchObject({ code: "42501" });
    const role = new URL(database.appUrl).username;
    await database.owner.query(`grant truncate on parlant.parlant_idempotency_key to ${role}`);
    await truncate().finally(() => database.owner.query(`revoke truncate on parlant.parlant_idempotency_key from ${role}`));
  });
});

describe("the boundary", () => {
  test("alone knows that the owner moved a row: to all other layers it is one of the workspace where it lies", async () => {
    await asSuperuser("update parlant.parlant_agent set workspace_id = $1 where id = $2", mine.id, theirAgentId);
    const db = client.openWorkspace(systemBinding(mine.id, "test"));
    expect(await db.agent.findUnique({ where: { id: theirAgentId } })).toMatchObject({ name: "Theirs" });
    expect((await agentsOf(mine).list({ workspaceId: mine.id })).data.map(({ id }) => id)).toEqual([agentId]);
  });
});
