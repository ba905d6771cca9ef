import { afterAll, beforeAll, expect, test } from "vitest";
import { fromBase64, verifyConsistency, verifyInclusion } from "../../client-sdk/src/audit/index.ts";
import { proveLog } from "../../server/audit/prove-log.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";
import { type LogFixture, startLogFixture } from "./log-fixture.ts";

let logs: LogFixture;
beforeAll(async () => {
  logs = await startLogFixture();
});
afterAll(() => logs?.stop());

test("proofs hold for each event and each earlier checkpoint, by the checkpoint alone", async () => {
  const workspace = await logs.makeLog(9, 4);
  const sizes = [4, 8, 9];
  const { rows } = await logs.bend(
    "select tree_size::int, root_hash from parlant.parlant_audit_checkpoint where workspace_id = $1 order by tree_size",
    [workspace.id],
  );
  expect(rows.map(({ tree_size }) => tree_size)).toEqual(sizes);
  const tree = { size: 9, root: rows[2].root_hash as Uint8Array };
  const bytes = (hashes: string[]) => hashes.map((hash) => fromBase64(hash) ?? new Uint8Array());
  for (let seq = 0; seq < 9; seq++) {
    const auditEventId = await logs.eventAt(workspace, seq);
    const { inclusion } = await logs.audit(workspace).proof({ workspaceId: workspace.id, auditEventId });
    const leaf = { index: inclusion?.seq ?? -1, hash: fromBase64(inclusion?.leafHash ?? "") ?? new Uint8Array() };
    expect(leaf.index).toBe(seq);
    expect(verifyInclusion(leaf, tree, bytes(inclusion?.hashes ?? []))).toBe(true);
  }
  for (const { tree_size, root_hash } of rows) {
    const { consistency, checkpoint } = await logs.audit(workspace).proof({ workspaceId: workspace.id, fromTreeSize: tree_size });
    expect(checkpoint).toContain("\n9\n");
    expect(verifyConsistency({ size: tree_size, root: root_hash }, tree, bytes(consistency?.hashes ?? []))).toBe(true);
  }
});

test("an event that was just written is sealed to be proven; asking for it is no refusal, and for one that is not there it is", async () => {
  const workspace = await makeStaffedWorkspace(logs.database.owner);
  await logs.change(workspace, 2);
  const { rows } = await logs.bend("select id from parlant.parlant_audit_event where workspace_id = $1 order by id", [
    workspace.id,
  ]);
  const { counters } = logs.dependencies.services.audit.signals;
  const before = counters.refusals;
  const prove = (auditEventId: string) => logs.audit(workspace).proof({ workspaceId: workspace.id, auditEventId });
  expect(await prove(rows[1].id)).toMatchObject({ treeSize: 2, inclusion: { seq: 1 } });
  // As while another process is sealing, and where the log may not be continued.
  await logs.change(workspace, 1);
  const [last] = (
    await logs.bend("select id from parlant.parlant_audit_event where workspace_id = $1 order by id desc limit 1", [workspace.id])
  ).rows;
  const db = logs.dependencies.database.openWorkspace(systemBinding(workspace.id, "audit"));
  await expect(proveLog(db, { auditEventId: last.id }, async () => {})).rejects.toMatchObject({
    code: "SERVICE_UNAVAILABLE",
    retryAfterSeconds: 1,
  });
  await logs.bend("update parlant.parlant_audit_checkpoint set note = 'x' where workspace_id = $1", [workspace.id]);
  await expect(prove(last.id)).rejects.toMatchObject({ code: "CONFLICT" });
  expect(counters.refusals).toBe(before);
  // The control: this one counts.
  await expect(prove(workspace.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(counters.refusals).toBe(before + 1);
});

test("there is no proof of what was never there or lies elsewhere, nor from a damaged log", async () => {
  const [workspace, another] = [await logs.makeLog(3), await logs.makeLog(1)];
  const proof = (query: object) => logs.audit(workspace).proof({ workspaceId: workspace.id, ...query });
  await expect(proof({ auditEventId: await logs.eventAt(another, 0) })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(proof({ fromTreeSize: 4 })).rejects.toMatchObject({ code: "BAD_REQUEST" });
  const empty = await makeStaffedWorkspace(logs.database.owner);
  await expect(logs.audit(empty).proof({ workspaceId: empty.id })).rejects.toMatchObject({ code: "CONFLICT" });
  await logs.bend("delete from parlant.parlant_audit_leaf where workspace_id = $1 and seq = 1", [workspace.id]);
  await expect(proof({ fromTreeSize: 1 })).rejects.toMatchObject({
    code: "CONFLICT",
    message: "The log lacks its entry 1, so it proves nothing; verify it",
  });
});
