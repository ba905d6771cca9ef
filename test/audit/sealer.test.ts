import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCheckpoint } from "../../client-sdk/src/audit/index.ts";
import { createSealer, type Sealer } from "../../server/audit/sealer.ts";
import { verifyLog } from "../../server/audit/verify-log.ts";
import type { SimReader } from "../../server/db/sim-reader.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import { deriveAuditLogKeys } from "../../server/isolation/audit-log-keys.ts";
import { lowestIdAt } from "../../server/shared/ids.ts";
import type { Logger } from "../../server/shared/logger.ts";
import { testEnv } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";
import { forgetfulStates, type LogFixture, startLogFixture } from "./log-fixture.ts";

let logs: LogFixture;
beforeAll(async () => {
  logs = await startLogFixture();
});
afterAll(() => logs?.stop());

/** Another server process' sealer on the same database. */
async function anotherSealer(
  options: { secrets?: string[]; log?: Logger; intervalMs?: number; sim?: SimReader } = {},
): Promise<Sealer> {
  return createSealer({
    openWorkspace: logs.dependencies.database.openWorkspace,
    sim: options.sim ?? logs.dependencies.database.sim,
    keys: await deriveAuditLogKeys(options.secrets ?? testEnv("postgresql://unused").ISOLATION_SECRET),
    clock: { now: () => Date.now() },
    log: options.log ?? pino({ level: "silent" }),
    states: forgetfulStates(),
    ...(options.intervalMs !== undefined && { intervalMs: options.intervalMs }),
  });
}

async function leavesOf({ id }: TestWorkspace): Promise<{ seq: number; event_id: string }[]> {
  const { rows } = await logs.bend(
    "select seq::int, event_id from parlant.parlant_audit_leaf where workspace_id = $1 order by seq",
    [id],
  );
  return rows;
}

async function checkpointsOf({ id }: TestWorkspace): Promise<{ tree_size: number; note: string }[]> {
  const { rows } = await logs.bend(
    "select tree_size::int, note from parlant.parlant_audit_checkpoint where workspace_id = $1 order by tree_size",
    [id],
  );
  return rows;
}

async function eventIdsOf({ id }: TestWorkspace): Promise<string[]> {
  const { rows } = await logs.bend("select id from parlant.parlant_audit_event where workspace_id = $1 order by id", [id]);
  return rows.map((row) => row.id);
}

test("each event gets its place once, in the order of the ids, under a checkpoint that the server's key signed", async () => {
  const workspace = await logs.makeLog(5, 2);
  const leaves = await leavesOf(workspace);
  expect(leaves.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4]);
  expect(leaves.map(({ event_id }) => event_id)).toEqual(await eventIdsOf(workspace));
  const checkpoints = await checkpointsOf(workspace);
  expect(checkpoints.map(({ tree_size }) => tree_size)).toEqual([2, 4, 5]);
  const keys = logs.dependencies.services.auditLogSeal.keys.of(workspace.id);
  expect(await openCheckpoint(checkpoints[2]?.note ?? "", keys)).toMatchObject({ treeSize: 5 });
  expect(await logs.dependencies.sealer.seal(workspace.id)).toBe(0);
  expect(await checkpointsOf(workspace)).toHaveLength(3);
});

test("a pass seals what this process wrote to, a sweep all else, late events too; neither ever forgets one", async () => {
  const workspace = await makeStaffedWorkspace(logs.database.owner);
  await logs.change(workspace, 2);
  const stranger = await anotherSealer();
  await stranger.sealTouched();
  expect(await leavesOf(workspace)).toEqual([]);
  await logs.dependencies.sealer.sealTouched();
  expect(await leavesOf(workspace)).toHaveLength(2);
  // As a transaction leaves it that was begun half an hour ago and has been committed just now.
  const late = lowestIdAt(Date.now() - 1_800_000).replace("-0000-0000-", "-7000-8000-");
  await logs.bend(
    `insert into parlant.parlant_audit_event (workspace_id, id, occurred_at, action, outcome, actor_kind)
     values ($1, $2, now() - interval '30 minutes', 'agent.create', 'success', 'session')`,
    [workspace.id, late],
  );
  await logs.dependencies.sealer.sealTouched();
  expect(await leavesOf(workspace)).toHaveLength(2);
  await stranger.sweep(AbortSignal.abort());
  expect(await leavesOf(workspace)).toHaveLength(2);
  await stranger.sweep(new AbortController().signal);
  expect((await leavesOf(workspace)).map(({ event_id }) => event_id)[2]).toBe(late);
  expect(await logs.audit(workspace).verify({ workspaceId: workspace.id })).toMatchObject({ valid: true, checkedEvents: 3 });
});

test("the last that a removed workspace's trail says is sealed by a sweep of whoever knows its log", async () => {
  const workspace = await logs.makeLog(2);
  await logs.database.owner.query("delete from workspace where id = $1", [workspace.id]);
  expect(await eventIdsOf(workspace)).toHaveLength(3);
  await (await anotherSealer()).sweep(new AbortController().signal);
  // Control: nobody who does not know the log finds it, since Sim does not name the workspace any more.
  expect(await leavesOf(workspace)).toHaveLength(2);
  await logs.dependencies.sealer.sweep(new AbortController().signal);
  expect((await leavesOf(workspace)).map(({ event_id }) => event_id)).toEqual(await eventIdsOf(workspace));
  expect((await checkpointsOf(workspace)).at(-1)?.tree_size).toBe(3);
});

test("the sweep is one of those that the job queue gives to one server of all", async () => {
  const workspace = await makeStaffedWorkspace(logs.database.owner);
  await logs.change(workspace, 2);
  const [sweep, ...others] = logs.dependencies.sweeps.filter(({ name }) => name === "audit-seal");
  expect([sweep?.everySeconds, others]).toEqual([3_600, []]);
  await sweep?.run(new AbortController().signal);
  expect(await leavesOf(workspace)).toHaveLength(2);
});

test("several sealers at once, with writers meanwhile, leave a gapless log in which nothing stands twice", async () => {
  const workspace = await makeStaffedWorkspace(logs.database.owner);
  const sealers = [logs.dependencies.sealer, await anotherSealer(), await anotherSealer()];
  let isWriting = true;
  const writers = Promise.all([1, 2, 3].map(() => logs.change(workspace, 15))).finally(() => {
    isWriting = false;
  });
  await Promise.all(
    sealers.map(async (sealer) => {
      while (isWriting) await sealer.seal(workspace.id);
    }),
  );
  await writers;
  await logs.dependencies.sealer.seal(workspace.id);
  const leaves = await leavesOf(workspace);
  expect(leaves.map(({ seq }) => seq)).toEqual(Array.from({ length: 45 }, (_, index) => index));
  expect(leaves.map(({ event_id }) => event_id).sort()).toEqual(await eventIdsOf(workspace));
  expect((await checkpointsOf(workspace)).length).toBeGreaterThan(1);
  expect(await logs.audit(workspace).verify({ workspaceId: workspace.id })).toMatchObject({
    valid: true,
    checkedEvents: 45,
    unsealedEvents: 0,
  });
});

test("a sealer continues nothing that it did not sign: not another's checkpoint, not a log that was cut back", async () => {
  const forged = await logs.makeLog(2);
  const stranger = await anotherSealer({ secrets: ["another-secret-of-somebody-else-0123456789"] });
  await logs.change(forged, 1);
  await expect(stranger.seal(forged.id)).rejects.toThrow("No trusted key signed the note");
  expect(await leavesOf(forged)).toHaveLength(2);

  const cut = await logs.makeLog(4, 2);
  await logs.bend("delete from parlant.parlant_audit_checkpoint where workspace_id = $1 and tree_size = 4", [cut.id]);
  await logs.bend("delete from parlant.parlant_audit_leaf where workspace_id = $1 and seq >= 2", [cut.id]);
  await expect(logs.dependencies.sealer.seal(cut.id)).rejects.toThrow("a tree of 4 entries was signed, and it says 2");
  // The control: to a process that was not there, it is a log like any other.
  const innocent = await anotherSealer();
  expect(await innocent.seal(cut.id)).toBe(2);
  // Grown past its old size it is still another one to the process that was there, and nothing is added by that.
  await logs.bend("delete from parlant.parlant_audit_checkpoint where workspace_id = $1 and tree_size = 4", [cut.id]);
  const { rows } = await logs.bend(
    "delete from parlant.parlant_audit_leaf where workspace_id = $1 and seq >= 2 returning event_id",
    [cut.id],
  );
  const ids = rows.map(({ event_id }) => event_id);
  await logs.bend("delete from parlant.parlant_audit_event where workspace_id = $1 and id = any ($2)", [cut.id, ids]);
  await logs.change(cut, 3);
  const asInnocent = await anotherSealer();
  expect(await asInnocent.seal(cut.id)).toBe(3);
  await logs.change(cut, 1);
  await expect(logs.dependencies.sealer.seal(cut.id)).rejects.toThrow("another tree of 4 entries was signed");
  expect(await logs.audit(cut).verify({ workspaceId: cut.id })).toMatchObject({
    valid: false,
    problems: [{ kind: "rewritten" }],
  });
  expect(await leavesOf(cut)).toHaveLength(5);
  // And where another one signs more, the process that did not see it coming goes on.
  const grown = await logs.makeLog(2);
  await logs.change(grown, 2);
  expect(await asInnocent.seal(grown.id)).toBe(2);
  await logs.change(grown, 1);
  expect(await logs.dependencies.sealer.seal(grown.id)).toBe(1);

  const bent = await logs.makeLog(3);
  await logs.bend(
    "update parlant.parlant_audit_checkpoint set subtree_hashes = overlay(subtree_hashes placing '\\x00' from 1) where workspace_id = $1",
    [bent.id],
  );
  await expect(innocent.seal(bent.id)).rejects.toThrow("its subtrees have another root");
});

test("after a change of the secret every log goes on under the new key, those that nobody adds to as well", async () => {
  const [busy, idle] = [await logs.makeLog(2), await logs.makeLog(2)];
  const secrets = ["a-newer-isolation-secret-0123456789abcdef", ...testEnv("postgresql://unused").ISOLATION_SECRET];
  await logs.change(busy, 1);
  const newer = await anotherSealer({ secrets });
  for (const workspace of [busy, idle]) {
    expect(await newer.seal(workspace.id)).toBe(1);
    expect(await newer.seal(workspace.id)).toBe(0);
    const [newKey, oldKey] = (await deriveAuditLogKeys(secrets)).of(workspace.id);
    if (!newKey || !oldKey) throw new Error("Two keys are configured");
    const [first, second] = await checkpointsOf(workspace);
    expect(await openCheckpoint(second?.note ?? "", [newKey])).toMatchObject({ treeSize: 3 });
    expect(await openCheckpoint(first?.note ?? "", [oldKey])).toMatchObject({ treeSize: 2 });
    // And once the older secret is gone, the log is verified by the newer one alone.
    const keys = await deriveAuditLogKeys(secrets.slice(0, 1));
    const db = logs.dependencies.database.openWorkspace(systemBinding(workspace.id, "audit"));
    const options = { workspaceId: workspace.id, keys, checkpoint: undefined, known: undefined };
    expect(await verifyLog(db, options)).toMatchObject({ valid: true, treeSize: 3, problems: [] });
    await logs.bend("update parlant.parlant_audit_leaf set leaf_hash = sha256('') where workspace_id = $1 and seq = 0", [
      workspace.id,
    ]);
    expect(await verifyLog(db, options)).toMatchObject({ valid: false });
  }
  const { rows } = await logs.bend("select action from parlant.parlant_audit_event where workspace_id = $1 order by id", [
    idle.id,
  ]);
  expect(rows.map(({ action }) => action)).toEqual(["agent.create", "agent.create", "audit.key_change"]);
});

test("a workspace whose log cannot be sealed keeps no other from being sealed", async () => {
  const broken = await logs.makeLog(1);
  await logs.bend("update parlant.parlant_audit_checkpoint set note = 'x' where workspace_id = $1", [broken.id]);
  const fine = await makeStaffedWorkspace(logs.database.owner);
  await logs.change(broken, 1);
  await logs.change(fine, 1);
  const lines: string[] = [];
  const sealer = await anotherSealer({ log: pino({ base: null }, { write: (line) => lines.push(line) }) });
  for (const { id } of [broken, fine]) sealer.touch(id);
  await sealer.sealTouched();
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ workspaceId: broken.id, msg: "audit: a workspace's log cannot be sealed" }),
  ]);
  expect(await leavesOf(broken)).toHaveLength(1);
  expect(await leavesOf(fine)).toHaveLength(1);
});

test("a sweep that is held up keeps nothing waiting that was just written", async () => {
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const sim: SimReader = {
    async query() {
      asked.resolve();
      await held.promise;
      return [];
    },
  };
  const sealer = await anotherSealer({ intervalMs: 1, sim });
  const workspace = await makeStaffedWorkspace(logs.database.owner);
  await logs.change(workspace, 1);
  sealer.start();
  const sweeping = sealer.sweep(new AbortController().signal);
  try {
    await asked.promise;
    sealer.touch(workspace.id);
    await expect.poll(() => leavesOf(workspace), { timeout: 10_000 }).toHaveLength(1);
  } finally {
    held.resolve();
    await sweeping;
    await sealer.close();
  }
});

test("closed, it has sealed what was written last, if it was started", async () => {
  const workspace = await makeStaffedWorkspace(logs.database.owner);
  const sim: SimReader = { query: async () => [] };
  const [started, idle] = [await anotherSealer({ intervalMs: 3_600_000, sim }), await anotherSealer({ sim })];
  started.start();
  await logs.change(workspace, 1);
  for (const sealer of [idle, started]) sealer.touch(workspace.id);
  // The control: one that was never started seals nothing.
  await idle.close();
  expect(await leavesOf(workspace)).toEqual([]);
  await started.close();
  expect(await leavesOf(workspace)).toHaveLength(1);
});

test("started, it seals by itself; closed, it has ended what it was doing and does nothing more", async () => {
  const workspace = await makeStaffedWorkspace(logs.database.owner);
  await logs.change(workspace, 1);
  const sealer = await anotherSealer({ intervalMs: 1 });
  sealer.touch(workspace.id);
  sealer.start();
  await expect.poll(() => leavesOf(workspace)).toHaveLength(1);
  await sealer.close();
  await logs.change(workspace, 1);
  sealer.touch(workspace.id);
  await sealer.sealTouched();
  expect(await leavesOf(workspace)).toHaveLength(1);
});
