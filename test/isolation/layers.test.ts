import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runBound } from "../../server/db/binding.ts";
import { type Database, openDatabase } from "../../server/db/client.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import type { Dependencies } from "../../server/dependencies.ts";
import { deriveBoundaryKeys, signBoundary } from "../../server/isolation/boundary.ts";
import { withConnection } from "../support/connection.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { callerWith, createTestDependencies, testEnv } from "../support/services.ts";
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
 * | the owner moves a row to another workspace             | the boundary             | here                         |
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
const prelude = (workspaceId: string) => ({
  name: "system",
  text: "select parlant.parlant_enter_system($1, $2)",
  values: [workspaceId, "test"],
});
const bindingOf = ({ id: workspaceId }: TestWorkspace) => ({ workspaceId, prelude: prelude(workspaceId) });
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
    await expect(Promise.resolve().then(() => find(client.openWorkspace(bindingOf(mine))))).rejects.toThrow(
      /model "SimWorkspace"/,
    );
    const withoutScope = client.openWorkspace(bindingOf(mine), { isExtensionOn: false });
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
    expect(await runBound(bindingOf(mine), async () => await bound())).toEqual([{ id: agentId }]);
    expect(await client.sim.query({ name: "forgetful", text, values: [ids] })).toEqual([]);
    expect(await asSuperuser(text, ids)).toHaveLength(2);
  });
});

describe("the keys", () => {
  test("refuse a reference to another workspace's row, which no other layer looks at", async () => {
    const db = client.openWorkspace(bindingOf(mine));
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
  const shown = async () => (await agentsOf(mine).list({ workspaceId: mine.id })).data.map(({ id }) => id);

  beforeEach(() =>
    asSuperuser("update parlant.parlant_agent set workspace_id = $1 where id = $2", mine.id, theirAgentId).then(() => undefined),
  );

  test("makes a row that the owner moved into a workspace absent there", async () => {
    expect(await shown()).toEqual([agentId]);
    const moved = { workspaceId: mine.id, agentId: theirAgentId };
    await expect(agentsOf(mine).get(moved)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(agentsOf(mine).update({ ...moved, name: "Taken" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(agentsOf(mine).delete(moved)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(agentsOf(theirs).get({ ...moved, workspaceId: theirs.id })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await asSuperuser("select name, deleted_at from parlant.parlant_agent where id = $1", theirAgentId)).toEqual([
      { name: "Theirs", deleted_at: null },
    ]);
  });

  test("control: to all other layers it is a row of that workspace, and with a boundary made there it is shown", async () => {
    const db = client.openWorkspace(bindingOf(mine));
    const row = await db.agent.findUnique({ where: { id: theirAgentId } });
    expect(row).toMatchObject({ name: "Theirs" });
    const state = await db.workspaceState.findFirst({ select: { keySalt: true } });
    if (!row || !state) throw new Error("not there");
    const keys = deriveBoundaryKeys(testEnv(database.appUrl).ISOLATION_SECRET, state.keySalt);
    const subject = { kind: "agent", workspaceId: mine.id, id: theirAgentId, createdAt: row.createdAt } as const;
    await db.agent.update({ where: { id: theirAgentId }, data: signBoundary(keys, subject) });
    expect((await shown()).sort()).toEqual([agentId, theirAgentId].sort());
  });
});
