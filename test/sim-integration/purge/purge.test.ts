import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readClearContent } from "../../../server/audit/clear-content.ts";
import { DELETED_IN_PURGE_ALONE } from "../../../server/db/roles.ts";
import { purgedTables } from "../../../server/sim-integration/purge/purge-plan.ts";
import { readTrail } from "../../support/audit-trail.ts";
import { withConnection } from "../../support/connection.ts";
import { countRows, findInDatabase, readRows } from "./canary.ts";
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

/** A waiting and a failed job of the workspace, with the canary in them, and one that is running. */
const putJobs = (workspaceId: string, canary: string) =>
  withConnection(world.database.superuserUrl, async (admin) => {
    await admin.query(
      `SELECT parlant.create_queue('canary', '{"policy":"standard","retryLimit":1,"retryDelay":1,"expireInSeconds":60}')`,
    );
    await admin.query(
      `INSERT INTO parlant.job (name, data, output, state) VALUES ('canary', $1, NULL, 'created'), ('canary', $1, $2, 'failed'), ('canary', $3, NULL, 'active')`,
      [JSON.stringify({ workspaceId, canary }), JSON.stringify({ error: canary }), JSON.stringify({ workspaceId })],
    );
  });
const countJobs = (workspaceId: string) =>
  withConnection(world.database.superuserUrl, async (admin) => {
    const { rows } = await admin.query("SELECT count(*)::int AS n FROM parlant.job WHERE data ->> 'workspaceId' = $1", [
      workspaceId,
    ]);
    return rows[0]?.n;
  });

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

test("a purge leaves nothing of a workspace but its sealed record, which verifies, and touches no other workspace", async () => {
  const purged = await world.makeFull(CANARY);
  const other = await world.makeFull("another canary");
  const tables = purgedTables(world.access.tenantTables).map(({ name }) => name);
  expect(purged.filled.length).toBeGreaterThan(6);
  await putJobs(purged.id, CANARY);
  await putJobs(other.id, "another");
  expect(await findInDatabase(world.database, CANARY)).toEqual(["job", ...purged.filled]);
  const { checkpoint, checkedEvents } = await world.verify(purged.id);
  const trail = await readTrail(world.database, purged.id);
  expect(JSON.stringify(trail)).toContain(CANARY);
  const counts = await countRows(world.database, purged.id);
  const before = await readRows(world.database, other.id);

  await world.archive(purged.id);
  const { deleted, wasDone } = await world.purge(purged.id);

  expect(wasDone).toBe(false);
  expect(deleted).toEqual({ ...Object.fromEntries(tables.map((table) => [table, counts[table]])), job: 2 });
  for (const table of tables) expect(deleted[table], table).toBeGreaterThan(0);
  // A job that is running may be the purge's own; it holds ids alone, and the queue deletes it soon.
  expect(await countJobs(purged.id)).toBe(1);
  expect(await findInDatabase(world.database, CANARY)).toEqual([]);
  expect(Object.keys(await leftOf(purged.id)).sort()).toEqual(RECORD);
  expect(await readRows(world.database, other.id)).toEqual(before);
  expect(await countJobs(other.id)).toBe(3);
  // Nothing of before and after can be read but what the purge says of itself, and everything is still proven, by a checkpoint of before the purge too.
  const after = await readTrail(world.database, purged.id);
  expect(after.slice(0, trail.length).map(({ id }) => id)).toEqual(trail.map(({ id }) => id));
  expect(after.flatMap(({ before, after }) => [before, after]).filter(Boolean)).toEqual([]);
  const verified = await world.verify(purged.id, checkpoint ?? "");
  expect(verified).toMatchObject({ valid: true, problems: [], unsealedEvents: 0, checkedEvents: checkedEvents + 2 });
  const { job: _, ...found } = deleted;
  const archivedAt = expect.stringMatching(/^\d{4}-\d\d-\d\d /);
  const zero = Object.fromEntries(tables.map((table) => [table, 0]));
  expect(await readPurgeEvents(purged.id)).toEqual([
    { action: "workspace.purge_started", content: { archivedAt, found, export: null } },
    { action: "workspace.purge", content: { archivedAt, found, deleted, left: zero, export: null, keys: "destroyed" } },
  ]);
});

test("what is left out of a purge is found", { timeout: 60_000 }, async () => {
  const all = world.access.tenantTables;
  for (const model of ["AuthzDecision", "Agent", "IdempotencyKey"]) {
    const canary = `left out ${model}`;
    const { id } = await world.makeFull(canary, 1);
    await world.archive(id);
    // With the state the answers go too, by their foreign key.
    const tenantTables = all.filter(
      (table) => table.model !== model && (model !== "IdempotencyKey" || table.model !== "AuthzDecision"),
    );
    await world.purge(id, { tenantTables });
    expect(await findInDatabase(world.database, canary), model).not.toEqual([]);
    await world.purge(id);
    expect(await findInDatabase(world.database, canary), model).toEqual([]);
  }
});

test("every table of ours that has workspaces is purged or part of the sealed record", async () => {
  const { rows } = await world.database.owner.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class c WHERE relnamespace = 'parlant'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
       AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'workspace_id') ORDER BY 1`,
  );
  const covered = [...purgedTables(world.access.tenantTables).map(({ name }) => name), ...RECORD].sort();
  expect(rows.map(({ name }) => name)).toEqual(covered);
});

test("a table that nothing deletes from keeps the keys, and is told", async () => {
  const { id } = await world.makeFull(CANARY, 1);
  await world.archive(id);
  const openRows: typeof world.access.openRows = (binding) => {
    const rows = world.access.openRows(binding);
    const deleteSome = (table: { model: string }) => (table.model === "AuthzDecision" ? 0 : undefined);
    return {
      ...rows,
      transaction: (work) =>
        rows.transaction((tx) =>
          work({ ...tx, deleteSome: async (table, take) => deleteSome(table) ?? tx.deleteSome(table, take) }),
        ),
    };
  };
  await expect(world.purge(id, { openRows })).rejects.toThrow("left that nothing deletes");
  expect(await leftOf(id)).toMatchObject({ parlant_authz_decision: 1, parlant_workspace_state: 1 });
  expect(await world.purge(id)).toMatchObject({ wasDone: false });
});

test("an export that fails stops the purge, and so does one that has no place", async () => {
  const { id } = await world.makeFull(CANARY);
  await world.archive(id);
  const before = await readRows(world.database, id);
  const file = join(world.exportDirectory, "..", "a-file");
  await writeFile(file, "");
  await expect(world.purge(id, { isExportAsked: true, exportDirectory: file })).rejects.toThrow("EEXIST");
  await expect(world.purge(id, { isExportAsked: true, exportDirectory: undefined })).rejects.toThrow("EXPORT_DIR is not set");
  expect(await readRows(world.database, id)).toEqual(before);
});

test("of a workspace that Sim has deleted the rest goes too", async () => {
  const { id } = await world.makeFull(CANARY);
  await world.database.owner.query("DELETE FROM workspace WHERE id = $1", [id]);
  expect(Object.keys(await leftOf(id)).sort()).toEqual([...RECORD, "parlant_authz_decision"]);
  expect(await world.purge(id)).toMatchObject({ deleted: { parlant_authz_decision: 3, parlant_agent: 0 } });
  expect(Object.keys(await leftOf(id)).sort()).toEqual(RECORD);
  expect(await world.verify(id)).toMatchObject({ valid: true, unsealedEvents: 0 });
});

describe("the database itself", () => {
  test("lets the application role delete nothing outside a purge, and nothing of the sealed record in one", async () => {
    const { id } = await world.makeFull(CANARY);
    const asServer = (purpose: string, table: string) =>
      withConnection(world.database.appUrl, async (app) => {
        await app.query("BEGIN");
        await app.query("SELECT parlant.parlant_enter_system($1, $2)", [id, purpose]);
        const { rowCount } = await app.query(`DELETE FROM parlant.${table} WHERE workspace_id = $1`, [id]);
        await app.query("ROLLBACK");
        return rowCount;
      });
    const guarded = DELETED_IN_PURGE_ALONE;
    for (const table of guarded) {
      await expect(asServer("sync", table), table).rejects.toMatchObject({ code: "PA003" });
      await expect(asServer("workspace.purge", table), table).rejects.toMatchObject({ code: "PA001" });
    }
    await world.archive(id);
    for (const table of guarded) {
      await expect(asServer("sync", table), table).rejects.toMatchObject({ code: "PA003" });
      expect(await asServer("workspace.purge", table), table).toBeGreaterThan(0);
    }
    for (const table of RECORD) await expect(asServer("workspace.purge", table), table).rejects.toMatchObject({ code: "42501" });
  });
});
