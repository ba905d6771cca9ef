import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../../server/dependencies.ts";
import { withConnection } from "../../support/connection.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import { makeStaffedWorkspace } from "../../support/workspace.ts";
import { applierOf, keptAgents, simOn } from "./sim-changes.ts";

let database: TestDatabase;
let dependencies: Dependencies;
let apply: ReturnType<typeof applierOf>;
let sim: ReturnType<typeof simOn>;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl);
  apply = applierOf(dependencies.services.lifecycle);
  sim = simOn(database.owner);
});

afterAll(async () => {
  await dependencies?.close();
  await database?.drop();
});

const ROUNDS = 25;

/** A workspace with an agent, and what makes one more. */
async function makeUsed() {
  const { id, writer } = await makeStaffedWorkspace(database.owner);
  const { agents } = callerWith(dependencies, writer.headers).workspaces;
  await agents.create({ workspaceId: id, name: "First" });
  await apply("workspace_created", id);
  return { id, create: (name: string) => agents.create({ workspaceId: id, name }) };
}

/** Writes another agent into the workspace as the server's role, and commits it when it is told to. */
async function insideOfACreate(workspaceId: string, meanwhile: () => Promise<void>): Promise<void> {
  await withConnection(database.appUrl, async (client) => {
    await client.query("begin");
    await client.query("select parlant.parlant_enter_system($1, 'test')", [workspaceId]);
    await client.query(
      `insert into parlant.parlant_agent (workspace_id, id, name, name_key, boundary, boundary_key_version, created_at, updated_at)
       select workspace_id, gen_random_uuid(), 'Late', 'late', boundary, boundary_key_version, created_at, updated_at
       from parlant.parlant_agent where workspace_id = $1`,
      [workspaceId],
    );
    await meanwhile();
    await client.query("commit");
  });
}

const statuses = async (workspaceId: string) =>
  (await keptAgents(database, workspaceId)).map(({ name, status, reason }) => `${name} ${status} ${reason}`);

test("a create that waits while the workspace is archived is refused, and nothing of it is there", async () => {
  const { id, create } = await makeUsed();
  let refused: Promise<unknown> | undefined;
  await withConnection(database.ownerUrl, async (other) => {
    await other.query("begin");
    await other.query("select parlant.parlant_enter_system($1, 'test')", [id]);
    // Holds the name that the create needs, so that it waits in the middle of its transaction.
    await other.query(
      `insert into parlant.parlant_agent (workspace_id, id, name, name_key, boundary, boundary_key_version, created_at, updated_at)
       values ($1, gen_random_uuid(), 'Late', 'late', '', 1, now(), now())`,
      [id],
    );
    refused = create("Late").catch((error: unknown) => error);
    await expect.poll(() => waitingForOthers()).toBeGreaterThan(0);
    await sim.archive(id);
    await apply("workspace_archived", id);
    await other.query("rollback");
  });
  expect(await refused).toMatchObject({ code: "NOT_FOUND", message: "Workspace not found" });
  expect(await statuses(id)).toEqual(["First archived workspace"]);
});

function waitingForOthers(): Promise<number> {
  return withConnection(database.superuserUrl, async (admin) => {
    const { rows } = await admin.query<{ count: number }>(
      `select count(*)::integer as count from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and query like '%parlant_agent%'`,
    );
    return rows[0]?.count ?? 0;
  });
}

test("a create that is committed behind the archive's back is archived by whatever looks next", async () => {
  const { id } = await makeUsed();
  await insideOfACreate(id, async () => {
    await sim.archive(id);
    await apply("workspace_archived", id);
  });
  // Control: without a second look it would have slipped past the archive.
  expect(await statuses(id)).toEqual(["First archived workspace", "Late active null"]);
  expect(await apply("workspace_updated", id)).toEqual({ actions: ["workspace.archive"] });
  expect(await statuses(id)).toEqual(["First archived workspace", "Late archived workspace"]);
});

test("creates, archives and their events at once leave no agent that is not archived", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const { id, create } = await makeUsed();
    const creates = ["One", "Two", "Three"].map((name) => create(name).catch((error: unknown) => error));
    await Promise.all([sim.archive(id), apply("workspace_archived", id), apply("workspace_archived", id), ...creates]);
    await apply("workspace_archived", id);
    expect((await statuses(id)).filter((one) => !one.endsWith("archived workspace"))).toEqual([]);
  }
});

test("an archive, its restore and their events at once end as Sim's row ends", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const { id } = await makeUsed();
    const changes = async () => {
      await sim.archive(id);
      await sim.restore(id);
    };
    const events = ["workspace_archived", "workspace_restored", "workspace_updated"] as const;
    await Promise.all([changes(), ...events.map((type) => apply(type, id))]);
    await apply("workspace_restored", id);
    expect(await statuses(id)).toEqual(["First active null"]);
  }
});
