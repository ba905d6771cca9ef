import { afterAll, beforeAll, expect, test } from "vitest";
import { LOWEST_ID } from "../../server/db/audit-log.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import type { TestWorkspace } from "../support/workspace.ts";
import { type LogFixture, startLogFixture } from "./log-fixture.ts";

let logs: LogFixture;
beforeAll(async () => {
  logs = await startLogFixture();
});
afterAll(() => logs?.stop());

const verify = (workspace: TestWorkspace) => logs.audit(workspace).verify({ workspaceId: workspace.id });

test("two verifications of one log at once are one, and a hint when to ask again", async () => {
  const [workspace, other] = [await logs.makeLog(2), await logs.makeLog(2)];
  const results = await Promise.allSettled([verify(workspace), verify(workspace), verify(other)]);
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(results.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "TOO_MANY_REQUESTS" } });
  expect(await verify(workspace)).toMatchObject({ valid: true });
});

test("only an admin verifies, proves and exports", async () => {
  const workspace = await logs.makeLog(1);
  for (const user of [workspace.writer, workspace.reader]) {
    const audit = logs.audit(workspace, user);
    for (const call of [audit.verify, audit.proof, audit.export]) {
      await expect(call({ workspaceId: workspace.id })).rejects.toMatchObject({ code: "FORBIDDEN" });
    }
  }
  const stranger = (await logs.makeLog(1)).admin;
  await expect(logs.audit(workspace, stranger).verify({ workspaceId: workspace.id })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

test("the log's own SQL reads and appends in its workspace alone", async () => {
  const [mine, other] = [await logs.makeLog(2), await logs.makeLog(3)];
  const db = logs.dependencies.database.openWorkspace(systemBinding(mine.id, "audit"));
  const ids = await Promise.all([logs.eventAt(mine, 0), logs.eventAt(other, 0)]);
  expect((await db.auditLog.events(ids)).map(({ id }) => id)).toEqual(ids.slice(0, 1));
  expect(await db.auditLog.leaves({ from: 0, to: 10, take: 10 })).toHaveLength(2);
  expect(await db.auditLog.state()).toEqual({ leaves: 2, treeSize: 2 });
  await logs.change(other, 1);
  expect(await db.auditLog.unsealed()).toEqual({ count: 0, since: null });
  await db.transaction(async (tx) => {
    expect(await tx.unsealedAuditEvents({ afterId: LOWEST_ID, take: 10 })).toEqual([]);
    await tx.appendAuditLeaves(2, [{ eventId: ids[1] ?? "", leafHash: new Uint8Array(32) }]);
  });
  // What stands in this workspace's log is no event of this workspace.
  expect((await verify(mine)).problems).toMatchObject([{ kind: "unsigned", firstSeq: 2, lastSeq: 2 }]);
  expect((await verify(other)).problems).toEqual([]);
});
