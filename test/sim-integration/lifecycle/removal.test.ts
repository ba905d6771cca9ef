import { expect, test } from "vitest";
import { readTrail } from "../../support/audit-trail.ts";
import { openDependencies } from "../../support/open-dependencies.ts";
import { changePastTheServer } from "../../support/past-the-server.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace } from "../../support/workspace.ts";

const { database, dependencies } = await openDependencies();

async function makeUsedWorkspace(): Promise<string> {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  await callerWith(dependencies, writer.headers).workspaces.agents.create({ workspaceId, name: "Scout" });
  return workspaceId;
}

async function rowsOf(workspaceId: string): Promise<number> {
  const { rows } = await database.owner.query<{ count: number }>(
    `select count(*)::integer as count from (select parlant.parlant_enter_system($1, 'test')) as entered,
      lateral (select workspace_id from parlant.parlant_agent union all select workspace_id from parlant.parlant_workspace_state
        union all select workspace_id from parlant.parlant_webhook_delivery) as one`,
    [workspaceId],
  );
  return rows[0]?.count ?? 0;
}

test("a workspace that Sim deletes takes its rows with it, and its trail says so", async () => {
  const workspaceId = await makeUsedWorkspace();
  const other = await makeUsedWorkspace();
  expect(await rowsOf(workspaceId)).toBe(2);
  await database.owner.query("delete from workspace where id = $1", [workspaceId]);
  expect(await rowsOf(workspaceId)).toBe(0);
  expect((await readTrail(database, workspaceId)).at(-1)).toMatchObject({
    action: "workspace.remove",
    outcome: "success",
    actor_kind: "internal",
    actor_id: "sim",
    target_id: workspaceId,
  });
  expect(await rowsOf(other)).toBe(2);
  expect(await readTrail(database, other)).toHaveLength(1);
});

test("what Sim had told of the workspace goes too, and nothing of another's", async () => {
  const [workspaceId, other] = [await makeUsedWorkspace(), await makeUsedWorkspace()];
  for (const id of [workspaceId, other]) {
    await changePastTheServer(
      database.owner,
      `insert into parlant.parlant_webhook_delivery (workspace_id, id, kind, body, body_sha256, received_at)
       values ($1, 'told', 'workspace_event', '\\x00', sha256('\\x00'), now())`,
      [id],
    );
    expect(await rowsOf(id)).toBe(3);
  }
  await database.owner.query("delete from workspace where id = $1", [workspaceId]);
  expect([await rowsOf(workspaceId), await rowsOf(other)]).toEqual([0, 3]);
});

test("a deletion that Sim takes back leaves no record of it", async () => {
  const workspaceId = await makeUsedWorkspace();
  await database.owner.query("begin");
  await database.owner.query("delete from workspace where id = $1", [workspaceId]);
  await database.owner.query("rollback");
  expect((await readTrail(database, workspaceId)).map(({ action }) => action)).toEqual(["agent.create"]);
});

test("a state that goes while Sim has the workspace is no removal", async () => {
  const workspaceId = await makeUsedWorkspace();
  await changePastTheServer(database.owner, "delete from parlant.parlant_workspace_state where workspace_id = $1", [workspaceId]);
  expect((await readTrail(database, workspaceId)).map(({ action }) => action)).toEqual(["agent.create"]);
});

test("control: without the trigger nothing says that the workspace was removed", async () => {
  const workspaceId = await makeUsedWorkspace();
  await database.owner.query("alter table parlant.parlant_workspace_state disable trigger parlant_record_removal");
  await database.owner.query("delete from workspace where id = $1", [workspaceId]);
  await database.owner.query("alter table parlant.parlant_workspace_state enable trigger parlant_record_removal");
  expect((await readTrail(database, workspaceId)).map(({ action }) => action)).toEqual(["agent.create"]);
});

test("the record's id is a UUID version 7 of the time of the removal", async () => {
  const workspaceId = await makeUsedWorkspace();
  const beforeMs = Date.now();
  await database.owner.query("delete from workspace where id = $1", [workspaceId]);
  const id = (await readTrail(database, workspaceId)).at(-1)?.id ?? "";
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const atMs = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
  expect(Math.abs(atMs - beforeMs)).toBeLessThan(60_000);
});
