import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readClearContent } from "../../../server/audit/clear-content.ts";
import { fileNameOf } from "../../../server/sim-integration/purge/export-file.ts";
import { withConnection } from "../../support/connection.ts";
import { callerWith } from "../../support/services.ts";
import { countRows, readRows } from "./canary.ts";
import { type PurgeFixture, startPurgeFixture } from "./fixture.ts";

let world: PurgeFixture;
beforeAll(async () => {
  world = await startPurgeFixture();
});
afterAll(() => world?.stop());

const CANARY = "cAnArY-of-one";
const RECORD = ["parlant_audit_checkpoint", "parlant_audit_event", "parlant_audit_leaf"];
const leftOf = async (workspaceId: string) =>
  Object.fromEntries(Object.entries(await countRows(world.database, workspaceId)).filter(([, count]) => count > 0));

/** The exports of a workspace. */
const filesOf = async (workspaceId: string) =>
  (await readdir(world.exportDirectory).catch(() => [])).filter((name) => name.startsWith(`${fileNameOf(workspaceId)}.`));

/** What the database holds of a purge, read without any key. */
async function readPurgeEvents(workspaceId: string) {
  const { rows } = await withConnection(world.database.superuserUrl, (admin) =>
    admin.query<{ action: string; after: Buffer }>(
      "SELECT action, after FROM parlant.parlant_audit_event WHERE workspace_id = $1 AND action LIKE 'workspace.purge%' ORDER BY id",
      [workspaceId],
    ),
  );
  return rows.map(({ action, after }) => ({ action, content: readClearContent(after) }));
}

test("a purge that is done is not done again", async () => {
  const { id } = await world.makeFull(CANARY);
  await world.archive(id);
  await world.purge(id);
  const before = await readRows(world.database, id);
  expect(await world.purge(id, { isExportAsked: true })).toMatchObject({ wasDone: true, export: null });
  expect(await readRows(world.database, id)).toEqual(before);
  expect(await filesOf(id)).toEqual([]);
});

test("three purges at once are one, with one whole export", { timeout: 60_000 }, async () => {
  for (let round = 0; round < 6; round++) {
    const { id } = await world.makeFull(CANARY);
    await world.archive(id);
    const results = await Promise.all([1, 2, 50].map((rowsPerBatch) => world.purge(id, { rowsPerBatch, isExportAsked: true })));
    const [stored, ...others] = results.flatMap((one) => (one.export ? [one.export] : []));
    expect(others).toEqual([]);
    expect(stored?.rows).toMatchObject({ parlant_agent: 5, parlant_event: 3, parlant_workspace_state: 1 });
    expect(await filesOf(id)).toHaveLength(1);
    expect((await readPurgeEvents(id)).map(({ action }) => action)).toEqual(["workspace.purge_started", "workspace.purge"]);
    expect(results.map(({ deleted }) => deleted["parlant_agent"])).toEqual([5, 5, 5]);
    expect(Object.keys(await leftOf(id)).sort()).toEqual(RECORD);
  }
});

test("what comes later is purged by the next call, and recorded", async () => {
  const { id } = await world.makeFull(CANARY);
  await world.archive(id);
  await world.purge(id);
  await world.dependencies.database.insertDecisions([
    {
      ...{ workspaceId: id, id: "01a20000-0000-7000-8000-000000000000", occurredAt: new Date(), principalKind: "session" },
      ...{
        principalId: CANARY,
        procedure: "agents.get",
        agentId: null,
        outcome: "allow",
        source: "cache",
        requestId: null,
        latencyUs: 1,
      },
    },
  ]);
  expect(await world.purge(id)).toMatchObject({ wasDone: false, deleted: { parlant_authz_decision: 1, parlant_agent: 0 } });
  expect(Object.keys(await leftOf(id)).sort()).toEqual(RECORD);
  expect(await world.verify(id)).toMatchObject({ valid: true, unsealedEvents: 0 });
});

test("nothing of a workspace is purged that Sim shows as live, and no file of it is written", async () => {
  const { id } = await world.makeFull(CANARY);
  const before = await readRows(world.database, id);
  await expect(world.purge(id, { isExportAsked: true })).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await readRows(world.database, id)).toEqual(before);
});

test("a purge ends where Sim restores the workspace meanwhile; what is left stays, and the next one carries on", async () => {
  const { id } = await world.makeFull(CANARY);
  await world.archive(id);
  let batches = 0;
  const openRows: typeof world.access.openRows = (binding) => {
    const rows = world.access.openRows(binding);
    const transaction: typeof rows.transaction = async (work) => {
      if (++batches === 5) await world.restoreInSim(id);
      return rows.transaction(work);
    };
    return { ...rows, transaction };
  };
  await expect(world.purge(id, { openRows, rowsPerBatch: 1 })).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await leftOf(id)).toMatchObject({ parlant_agent: 5, parlant_workspace_state: 1 });
  await world.archive(id);
  expect(await world.purge(id)).toMatchObject({ wasDone: false, deleted: { parlant_agent: 5 } });
  expect(Object.keys(await leftOf(id)).sort()).toEqual(RECORD);
});

test("a purge ends where Sim restores the workspace and archives it anew meanwhile: that deletion was cancelled", async () => {
  const { id } = await world.makeFull(CANARY);
  await world.archive(id);
  let transactions = 0;
  const openRows: typeof world.access.openRows = (binding) => {
    const rows = world.access.openRows(binding);
    const transaction: typeof rows.transaction = async (work) => {
      if (++transactions === 5) {
        await world.restoreInSim(id);
        await world.archive(id);
      }
      return rows.transaction(work);
    };
    return { ...rows, transaction };
  };
  await expect(world.purge(id, { openRows, rowsPerBatch: 1 })).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await leftOf(id)).toMatchObject({ parlant_agent: 5, parlant_workspace_state: 1 });
  // Control: left alone, as many transactions delete everything.
  expect(await world.purge(id)).toMatchObject({ wasDone: false, deleted: { parlant_agent: 5 } });
});

test("a restore in Sim between a batch and its commit takes the batch back", async () => {
  const { id } = await world.makeFull(CANARY);
  await world.archive(id);
  const openRows: typeof world.access.openRows = (binding) => {
    const rows = world.access.openRows(binding);
    return {
      ...rows,
      transaction: (work) =>
        rows.transaction(async (tx) =>
          work({
            ...tx,
            async deleteSome(table, take) {
              const count = await tx.deleteSome(table, take);
              await world.restoreInSim(id);
              return count;
            },
          }),
        ),
    };
  };
  const before = await leftOf(id);
  await expect(world.purge(id, { openRows })).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await leftOf(id)).toEqual({ ...before, parlant_audit_event: (before["parlant_audit_event"] ?? 0) + 1 });
});

test("what came to a workspace between two purges is exported before it goes", async () => {
  const { id, admin } = await world.makeFull(CANARY);
  await world.archive(id);
  let batches = 0;
  const dying: typeof world.access.openRows = (binding) => {
    const rows = world.access.openRows(binding);
    return { ...rows, transaction: (work) => (++batches === 6 ? Promise.reject(new Error("killed")) : rows.transaction(work)) };
  };
  await expect(world.purge(id, { openRows: dying, rowsPerBatch: 1, isExportAsked: true })).rejects.toThrow("killed");
  // Carried on in the same archive: there is no second file.
  batches = 0;
  await expect(world.purge(id, { openRows: dying, rowsPerBatch: 1, isExportAsked: true })).rejects.toThrow("killed");
  expect(await filesOf(id)).toHaveLength(1);
  await world.restoreInSim(id);
  const { agents } = callerWith(world.dependencies, admin.headers).workspaces;
  await agents.create({ workspaceId: id, name: "Of later" });
  await world.archive(id);
  const { export: stored } = await world.purge(id, { isExportAsked: true });
  expect(await readFile(stored?.file ?? "", "utf8")).toContain("Of later");
  expect(await filesOf(id)).toHaveLength(2);
});

test("rows that come while they are exported are exported too, or nothing is purged", async () => {
  const { id } = await world.makeFull(CANARY);
  await world.archive(id);
  let late = 0;
  /** Before the last table is read, another grant comes, so many times. */
  const disturbed =
    (times: number): typeof world.access.openRows =>
    (binding) => {
      const rows = world.access.openRows(binding);
      return {
        ...rows,
        async page(table, query) {
          if (table.model === "WorkspaceState" && late < times) {
            await withConnection(world.database.superuserUrl, (admin) =>
              admin.query(
                `INSERT INTO parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, created_at, updated_at)
                 SELECT workspace_id, id, $2, 'view', now(), now() FROM parlant.parlant_agent WHERE workspace_id = $1 LIMIT 1`,
                [id, `late ${++late}`],
              ),
            );
          }
          return rows.page(table, query);
        },
      };
    };
  const agents = (await leftOf(id))["parlant_agent"];
  await expect(world.purge(id, { isExportAsked: true, openRows: disturbed(3) })).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await leftOf(id)).toMatchObject({ parlant_agent: agents });
  expect(await filesOf(id)).toEqual([]);
  late = 0;
  await withConnection(world.database.superuserUrl, (admin) =>
    admin.query("DELETE FROM parlant.parlant_agent_grant WHERE user_id LIKE 'late%'"),
  );
  const { export: stored } = await world.purge(id, { isExportAsked: true, openRows: disturbed(1) });
  expect(await readFile(stored?.file ?? "", "utf8")).toContain("late 1");
  expect(await filesOf(id)).toHaveLength(1);
});
