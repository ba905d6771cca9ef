import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  auditLeafHash,
  auditOrigin,
  CompactRange,
  importSigningKey,
  signCheckpoint,
  verifyExport,
} from "../../client-sdk/src/audit/index.ts";
import { toAuditLeaf } from "../../server/audit/sealed-leaf.ts";
import { verifyLog } from "../../server/audit/verify-log.ts";
import type { AuditEventRow } from "../../server/db/audit-log.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import type { TestWorkspace } from "../support/workspace.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";
import { type LogFixture, startLogFixture } from "./log-fixture.ts";

let logs: LogFixture;
beforeAll(async () => {
  logs = await startLogFixture();
});
afterAll(() => logs?.stop());

async function verify(workspace: TestWorkspace, checkpoint?: string) {
  return logs.audit(workspace).verify({ workspaceId: workspace.id, ...(checkpoint !== undefined && { checkpoint }) });
}

/** The same as a process finds it that never sealed this log. */
async function verifyAsStranger({ id }: TestWorkspace, checkpoint?: string) {
  const db = logs.dependencies.database.openWorkspace(systemBinding(id, "audit"));
  const { keys } = logs.dependencies.services.auditLogSeal;
  return verifyLog(db, { workspaceId: id, keys, checkpoint, known: undefined });
}

async function problemsOf(workspace: TestWorkspace, checkpoint?: string): Promise<string[]> {
  const { valid, problems } = await verify(workspace, checkpoint);
  expect(valid).toBe(problems.length === 0);
  return problems.map(({ kind, firstSeq, lastSeq }) => (firstSeq === null ? kind : `${kind} ${firstSeq}-${lastSeq}`));
}

const onEvent = (change: string) => `update parlant.parlant_audit_event set ${change} where workspace_id = $1 and id = $2`;

async function newestCheckpoint({ id }: TestWorkspace): Promise<string> {
  const { rows } = await logs.bend(
    "select note from parlant.parlant_audit_checkpoint where workspace_id = $1 order by tree_size desc limit 1",
    [id],
  );
  return rows[0]?.note;
}

/** Makes leaves and checkpoints anew over the events as they are: all that can be done without the signing key. */
async function rebuildLog({ id }: TestWorkspace): Promise<void> {
  const { rows } = await logs.bend(
    `select workspace_id as "workspaceId", id, occurred_at as "occurredAt", action, outcome, reason_code as "reasonCode", rule,
       actor_kind as "actorKind", actor_id as "actorId", on_behalf_of as "onBehalfOf", method, target_kind as "targetKind",
       target_id as "targetId", ip_address as "ipAddress", request_id as "requestId", before, after
     from parlant.parlant_audit_event where workspace_id = $1 order by id`,
    [id],
  );
  const tree = new CompactRange();
  for (const event of rows as AuditEventRow[]) {
    const hash = auditLeafHash(toAuditLeaf(event));
    await logs.bend("update parlant.parlant_audit_leaf set leaf_hash = $3 where workspace_id = $1 and seq = $2", [
      id,
      tree.to,
      hash,
    ]);
    tree.append(hash);
  }
  const stranger = await importSigningKey(new Uint8Array(32).fill(1));
  const note = await signCheckpoint({ origin: auditOrigin(id), treeSize: tree.to, rootHash: tree.root() }, stranger);
  await logs.bend(
    "update parlant.parlant_audit_checkpoint set root_hash = $2, note = $3, subtree_hashes = $4 where workspace_id = $1",
    [id, tree.root(), note, Buffer.concat(tree.hashes)],
  );
}

test("a log that nobody touched is valid, and what is not sealed yet is told", async () => {
  const workspace = await logs.makeLog(7, 3);
  const found = await verify(workspace);
  expect(found).toMatchObject({
    valid: true,
    checkedEvents: 7,
    treeSize: 7,
    unsealedEvents: 0,
    unsealedSince: null,
    problems: [],
    problemCount: 0,
    isolation: { workspaceId: workspace.id },
  });
  expect(found.checkpoint).toBe(await newestCheckpoint(workspace));
  expect(found.publicKeys).toEqual([found.publicKey]);
  await logs.change(workspace, 2);
  // And the verification itself, which is recorded too.
  expect(await verify(workspace, found.checkpoint ?? "")).toMatchObject({ valid: true, treeSize: 7, unsealedEvents: 3 });
  expect((await verify(workspace)).unsealedSince).toBeInstanceOf(Date);
});

test("a workspace without events has an empty log, which is valid", async () => {
  const workspace = await makeStaffedWorkspace(logs.database.owner);
  expect(await verify(workspace)).toMatchObject({ valid: true, treeSize: 0, checkpoint: null, checkedEvents: 0 });
});

describe("what is done to the tables past the server is named by its place", () => {
  test.each([
    ["another action", "action = 'agent.read'"],
    ["another actor", "actor_id = 'somebody else'"],
    ["another outcome", "outcome = 'denied'"],
    ["a reason made up", "reason_code = ''"],
    ["other content", "after = '\\x00'"],
    ["content taken away", "after = null"],
    ["an earlier time", "occurred_at = occurred_at - interval '1 day'"],
    ["a time a millisecond later", "occurred_at = occurred_at + interval '1 ms'"],
    ["another request", "request_id = null"],
    ["another rule", "rule = 'x'"],
    ["another method", "method = 'x'"],
    ["another address", "ip_address = '1.1.1.1'"],
  ])("an event edited: %s", async (_, change) => {
    const workspace = await logs.makeLog(4, 2);
    await logs.bend(onEvent(change), [workspace.id, await logs.eventAt(workspace, 2)]);
    expect(await problemsOf(workspace)).toEqual(["changed 2-2"]);
  });

  test.each(["infinity", "-infinity", "294000-01-01", "4000-01-01 BC", "10000-01-01"])(
    "a time that JavaScript may not have, %s: in sealed events, and in ones that stay to be sealed",
    async (time) => {
      const workspace = await logs.makeLog(3);
      await logs.bend(onEvent(`occurred_at = '${time}'`), [workspace.id, await logs.eventAt(workspace, 1)]);
      expect(await problemsOf(workspace)).toEqual(["changed 1-1"]);
      await logs.change(workspace, 1);
      await logs.bend(`update parlant.parlant_audit_event set occurred_at = '${time}' where workspace_id = $1 and id > $2`, [
        workspace.id,
        await logs.eventAt(workspace, 2),
      ]);
      expect((await verify(workspace)).unsealedEvents).toBeGreaterThan(0);
      expect(await logs.dependencies.sealer.seal(workspace.id)).toBeGreaterThan(0);
      const { text } = await logs.audit(workspace).export({ workspaceId: workspace.id });
      const { publicKey } = await verify(workspace);
      const { problems } = await verifyExport([text], { publicKeys: [publicKey] });
      expect(problems).toContainEqual(expect.objectContaining({ kind: "changed", firstSeq: 1, lastSeq: 1 }));
    },
  );

  test("an event dated back along with its id", async () => {
    const workspace = await logs.makeLog(4, 2);
    const id = await logs.eventAt(workspace, 1);
    const backdated = "id = '01800000-0000-7000-8000-000000000000', occurred_at = '2022-01-01T00:00:00Z'";
    await logs.bend(onEvent(backdated), [workspace.id, id]);
    expect(await verify(workspace)).toMatchObject({
      problems: [{ kind: "missing", firstSeq: 1, lastSeq: 1 }],
      unsealedEvents: 1,
    });
  });

  test("an event made up and dated back", async () => {
    const workspace = await logs.makeLog(2);
    const insert = (id: string, time: string) =>
      logs.bend(
        `insert into parlant.parlant_audit_event (workspace_id, id, occurred_at, action, outcome, actor_kind)
         values ($1, $2, $3, 'agent.delete', 'success', 'session')`,
        [workspace.id, id, time],
      );
    await insert("01800000-0000-7000-8000-000000000000", new Date(0x018000000000).toISOString());
    await logs.dependencies.sealer.seal(workspace.id);
    expect(await problemsOf(workspace)).toEqual(["backdated 2-2"]);
    await insert("01800000-0000-7000-8000-000000000001", new Date().toISOString());
    await logs.dependencies.sealer.seal(workspace.id);
    const { problems } = await verify(workspace);
    expect(problems.map(({ kind, lastSeq }) => [kind, lastSeq])).toContainEqual(["backdated", expect.any(Number)]);
  });

  test("an event deleted, with and without its place in the log", async () => {
    const workspace = await logs.makeLog(5, 2);
    await logs.bend("delete from parlant.parlant_audit_event where workspace_id = $1 and id = $2", [
      workspace.id,
      await logs.eventAt(workspace, 3),
    ]);
    expect(await problemsOf(workspace)).toEqual(["missing 3-3"]);
    await logs.bend("delete from parlant.parlant_audit_leaf where workspace_id = $1 and seq = 3", [workspace.id]);
    expect(await problemsOf(workspace)).toEqual(["lost 3-3"]);
  });

  test("a deletion covered up by moving up what came behind it", async () => {
    const workspace = await logs.makeLog(5, 1);
    await logs.bend("delete from parlant.parlant_audit_event where workspace_id = $1 and id = $2", [
      workspace.id,
      await logs.eventAt(workspace, 2),
    ]);
    await logs.bend("delete from parlant.parlant_audit_leaf where workspace_id = $1 and seq = 2", [workspace.id]);
    for (const seq of [3, 4]) {
      await logs.bend("update parlant.parlant_audit_leaf set seq = seq - 1 where workspace_id = $1 and seq = $2", [
        workspace.id,
        seq,
      ]);
    }
    expect(await problemsOf(workspace)).toEqual(["rewritten 2-2", "truncated 4-4"]);
  });

  test("two events that changed places: their contents, or their places in the log", async () => {
    const contents = await logs.makeLog(6, 2);
    const [one, other] = [await logs.eventAt(contents, 1), await logs.eventAt(contents, 4)];
    await logs.bend(
      `update parlant.parlant_audit_event e set action = o.action, target_id = o.target_id, occurred_at = o.occurred_at, after = o.after
       from parlant.parlant_audit_event o where e.workspace_id = $1 and o.workspace_id = $1
         and (e.id, o.id) in (($2::uuid, $3::uuid), ($3::uuid, $2::uuid))`,
      [contents.id, one, other],
    );
    expect(await problemsOf(contents)).toEqual(["changed 1-1", "changed 4-4"]);

    const places = await logs.makeLog(6, 2);
    const ids = [await logs.eventAt(places, 2), await logs.eventAt(places, 3)];
    await logs.bend("update parlant.parlant_audit_leaf set seq = seq + 100 where workspace_id = $1 and seq in (2, 3)", [
      places.id,
    ]);
    await logs.bend("update parlant.parlant_audit_leaf set seq = 105 - seq where workspace_id = $1 and seq > 100", [places.id]);
    expect([await logs.eventAt(places, 2), await logs.eventAt(places, 3)]).toEqual(ids.reverse());
    expect(await problemsOf(places)).toEqual(["rewritten 2-3"]);
  });

  test("the end cut off: leaves alone, or leaves and events", async () => {
    const workspace = await logs.makeLog(6, 3);
    const ids = [await logs.eventAt(workspace, 4), await logs.eventAt(workspace, 5)];
    await logs.bend("delete from parlant.parlant_audit_leaf where workspace_id = $1 and seq >= 4", [workspace.id]);
    expect(await problemsOf(workspace)).toEqual(["truncated 4-5"]);
    await logs.bend("delete from parlant.parlant_audit_event where workspace_id = $1 and id = any ($2)", [workspace.id, ids]);
    expect(await problemsOf(workspace)).toEqual(["truncated 4-5"]);
  });

  test("leaves that no checkpoint is over", async () => {
    const workspace = await logs.makeLog(4, 2);
    await logs.bend("delete from parlant.parlant_audit_checkpoint where workspace_id = $1 and tree_size = 4", [workspace.id]);
    expect(await problemsOf(workspace)).toEqual(["truncated 2-3", "unsigned 2-3"]);
    await logs.bend("delete from parlant.parlant_audit_checkpoint where workspace_id = $1", [workspace.id]);
    expect(await problemsOf(workspace)).toEqual(["truncated 0-3", "unsigned 0-3"]);
    expect((await verifyAsStranger(workspace)).problems.map(({ kind }) => kind)).toEqual(["unsigned"]);
  });

  test("a checkpoint that says something else than was signed, or that nobody signed", async () => {
    const workspace = await logs.makeLog(4, 2);
    await logs.bend(
      "update parlant.parlant_audit_checkpoint set root_hash = sha256('') where workspace_id = $1 and tree_size = 2",
      [workspace.id],
    );
    expect(await problemsOf(workspace)).toEqual(["signature"]);
    await logs.bend(
      "update parlant.parlant_audit_checkpoint set note = replace(note, E'\\n2\\n', E'\\n3\\n') where workspace_id = $1",
      [workspace.id],
    );
    expect(await problemsOf(workspace)).toEqual(["signature"]);
  });
});

test("whoever can write every table and has not got the key is stopped by the signature alone", async () => {
  const workspace = await logs.makeLog(5);
  await logs.bend(onEvent("actor_id = 'somebody else'"), [workspace.id, await logs.eventAt(workspace, 2)]);
  await rebuildLog(workspace);
  const { problems } = await verifyAsStranger(workspace);
  expect(problems).toEqual([
    { kind: "signature", firstSeq: null, lastSeq: null, message: expect.stringContaining("No trusted key signed the note") },
  ]);
});

test("a log cut back to an earlier state that was signed is told apart by the process that signed more, or a kept checkpoint", async () => {
  const workspace = await logs.makeLog(6, 3);
  const kept = await newestCheckpoint(workspace);
  const ids = await Promise.all([3, 4, 5].map((seq) => logs.eventAt(workspace, seq)));
  await logs.bend("delete from parlant.parlant_audit_checkpoint where workspace_id = $1 and tree_size > 3", [workspace.id]);
  await logs.bend("delete from parlant.parlant_audit_leaf where workspace_id = $1 and seq >= 3", [workspace.id]);
  await logs.bend("delete from parlant.parlant_audit_event where workspace_id = $1 and id = any ($2)", [workspace.id, ids]);
  expect(await problemsOf(workspace)).toEqual(["truncated 3-5"]);
  expect(await problemsOf(workspace, kept)).toEqual(["truncated 3-5"]);
  // The control: without the comparison there is nothing to see, as to a process that was not there.
  expect(await verifyAsStranger(workspace)).toMatchObject({ valid: true, problems: [] });
  expect(await verifyAsStranger(workspace, kept)).toMatchObject({ valid: false });
});

test("a checkpoint of another log, of another key or no checkpoint at all is told as such", async () => {
  const [workspace, another] = [await logs.makeLog(2), await logs.makeLog(1)];
  for (const given of [await newestCheckpoint(another), "not a note"]) {
    expect(await verify(workspace, given)).toMatchObject({
      valid: false,
      problems: [{ kind: "signature", message: expect.stringMatching(/^The checkpoint that was given: /) }],
    });
  }
});
