import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { verifyExport } from "../../client-sdk/src/audit/index.ts";
import { type RetiringOptions, retireMonth } from "../../server/audit/retire-month.ts";
import { createSealer } from "../../server/audit/sealer.ts";
import { verifyLog } from "../../server/audit/verify-log.ts";
import { maintain } from "../../server/db/maintain.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import { deriveAuditLogKeys } from "../../server/isolation/audit-log-keys.ts";
import { lowestIdAt } from "../../server/shared/ids.ts";
import { withConnection } from "../support/connection.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";
import { forgetfulStates, type LogFixture, startLogFixture } from "./log-fixture.ts";

const EVENTS = "parlant.parlant_audit_event";
const MONTH = `${EVENTS}_2023_06`;
const MONTH_IDS = { from: lowestIdAt(Date.UTC(2023, 5)), to: lowestIdAt(Date.UTC(2023, 6)) };
const SECRET = "isolation-secret-of-the-tests-0123456789ab";
const NEWER_SECRET = "a-newer-isolation-secret-of-the-tests-01";

let logs: LogFixture;
beforeEach(async () => {
  logs = await startLogFixture();
  await withConnection(logs.database.ownerUrl, (owner) =>
    owner.query(
      `create table ${MONTH} partition of ${EVENTS} for values from ('${MONTH_IDS.from}') to ('${MONTH_IDS.to}');
       alter table ${MONTH} enable row level security; alter table ${MONTH} force row level security`,
    ),
  );
});
afterEach(() => logs.stop());

/** Events of the month that will go, one a second. */
async function fillMonth({ id }: TestWorkspace, first: number, last: number): Promise<void> {
  await logs.bend(
    `insert into ${EVENTS} (workspace_id, id, occurred_at, action, outcome, actor_kind, target_kind, target_id)
     select $1, (lpad(to_hex(1686000000000 + n * 1000), 12, '0') || '70008000' || lpad(n::text, 12, '0'))::uuid,
       to_timestamp(1686000000 + n), 'agent.update', 'success', 'session', 'agent', 'agent-' || n
     from generate_series($2::int, $3::int) n`,
    [id, first, last],
  );
}

/** A log of five events of the old month and two of the present. */
async function makeOldLog(): Promise<TestWorkspace> {
  const workspace = await makeStaffedWorkspace(logs.database.owner);
  await fillMonth(workspace, 1, 5);
  await logs.dependencies.sealer.seal(workspace.id);
  await logs.change(workspace, 2);
  await logs.dependencies.sealer.seal(workspace.id);
  return workspace;
}

async function retiring(): Promise<RetiringOptions> {
  const { openWorkspace } = logs.dependencies.database;
  return { openWorkspace, keys: await deriveAuditLogKeys([SECRET]), clock: { now: () => Date.now() }, by: "ops@test" };
}

async function drop(isStated = true) {
  const options = await retiring();
  return maintain({
    url: logs.database.ownerUrl,
    keepMonths: { [EVENTS]: 24, "parlant.parlant_authz_decision": 3 },
    isDropping: true,
    retire: async (workspaceId, month) => {
      if (isStated) await retireMonth(options, workspaceId, month);
    },
  });
}

const isMonthThere = async () => (await logs.bend("select to_regclass($1) is not null as found", [MONTH])).rows[0].found;

async function verify(workspace: TestWorkspace) {
  const found = await logs.audit(workspace).verify({ workspaceId: workspace.id });
  return { ...found, problems: found.problems.map(({ kind, firstSeq, lastSeq }) => `${kind} ${firstSeq}-${lastSeq}`) };
}

async function exportFile(workspace: TestWorkspace, query: object = {}): Promise<string> {
  const { text, nextCursor } = await logs.audit(workspace).export({ workspaceId: workspace.id, ...query });
  expect(nextCursor).toBeNull();
  return text;
}

async function verifyFile(workspace: TestWorkspace, file: string) {
  const { publicKey } = await verify(workspace);
  const found = await verifyExport([file], { publicKeys: [publicKey] });
  return { ...found, problems: found.problems.map(({ kind, firstSeq, lastSeq }) => `${kind} ${firstSeq}-${lastSeq}`) };
}

const EXPIRED = [{ firstSeq: 0, lastSeq: 4, period: "2023-06", expiredAt: expect.any(String), by: "ops@test" }];

test("a month that is dropped is expired in every log that had events in it, to the server and to who has a file and the key", async () => {
  const [workspace, other] = [await makeOldLog(), await makeOldLog()];
  expect(await drop()).toMatchObject({ expired: [MONTH], refused: [] });
  expect(await isMonthThere()).toBe(false);
  for (const one of [workspace, other]) {
    expect(await verify(one)).toMatchObject({ valid: true, expiredEvents: 5, expired: EXPIRED, problems: [] });
    for (const format of ["ndjson", "csv"]) {
      const whole = await exportFile(one, { format });
      expect(await verifyFile(one, whole)).toMatchObject({ valid: true, expiredEvents: 5, expired: EXPIRED, omitted: 0 });
      const filtered = await exportFile(one, { format, action: "agent.create" });
      expect(await verifyFile(one, filtered)).toMatchObject({ valid: true, expiredEvents: 5, expired: EXPIRED });
    }
  }
  const { data } = await logs.audit(workspace).list({ workspaceId: workspace.id, action: "audit.retention" });
  expect(data).toMatchObject([{ after: { places: [{ firstSeq: 0, lastSeq: 4 }], period: "2023-06", by: "ops@test" } }]);
  const { consistency } = await logs.audit(workspace).proof({ workspaceId: workspace.id, fromTreeSize: 5 });
  expect(consistency?.hashes.length).toBeGreaterThan(0);
});

test("control: a month that is dropped and not stated is missing", async () => {
  const workspace = await makeOldLog();
  await drop(false);
  expect(await verify(workspace)).toMatchObject({ valid: false, expiredEvents: 0, problems: ["missing 0-4"] });
  expect(await verifyFile(workspace, await exportFile(workspace))).toMatchObject({ valid: false, problems: ["missing 0-4"] });
});

test("what was gone before the month was dropped, and what goes without being named, is missing beside what expired", async () => {
  const workspace = await makeOldLog();
  await logs.bend(`delete from ${EVENTS} where workspace_id = $1 and id = $2`, [workspace.id, await logs.eventAt(workspace, 2)]);
  await drop();
  await logs.bend(`delete from ${EVENTS} where workspace_id = $1 and id = $2`, [workspace.id, await logs.eventAt(workspace, 6)]);
  const found = { valid: false, expiredEvents: 4, problems: ["missing 2-2", "missing 6-6"] };
  expect(await verify(workspace)).toMatchObject(found);
  expect(await verifyFile(workspace, await exportFile(workspace))).toMatchObject(found);
});

test("what is not sealed yet is sealed before it goes", async () => {
  const workspace = await makeOldLog();
  await fillMonth(workspace, 6, 7);
  await drop();
  const { expired, ...found } = await verify(workspace);
  expect(found).toMatchObject({ valid: true, expiredEvents: 7, unsealedEvents: expect.any(Number) });
  expect(expired.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
    [0, 4],
    [7, 8],
  ]);
});

test.each([
  [
    "a log that cannot be continued",
    `update parlant.parlant_audit_checkpoint set note = 'x' where workspace_id = $1`,
    "not to be continued",
  ],
  [
    "an event that is not what was sealed",
    `update ${EVENTS} set actor_id = 'x' where workspace_id = $1 and target_id = 'agent-3'`,
    "is not what was sealed",
  ],
])("a month stays, and is written to again, where there is %s", async (_, change, reason) => {
  const workspace = await makeOldLog();
  await logs.bend(change, [workspace.id]);
  const { refused } = await drop();
  expect(refused).toEqual([{ name: MONTH, reason: expect.stringContaining(reason) }]);
  expect(await isMonthThere()).toBe(true);
  await fillMonth(workspace, 8, 8);
  const { rows } = await logs.bend(`select count(*)::int as count from ${MONTH}`);
  expect(rows).toEqual([{ count: 6 }]);
});

test("nothing is added to a month from the moment that its events are being stated", async () => {
  const workspace = await makeOldLog();
  const options = await retiring();
  let refusal: unknown;
  await maintain({
    url: logs.database.ownerUrl,
    keepMonths: { [EVENTS]: 24, "parlant.parlant_authz_decision": 3 },
    isDropping: true,
    async retire(workspaceId, month) {
      refusal = await fillMonth(workspace, 9, 9).catch((error: Error) => error);
      await retireMonth(options, workspaceId, month);
    },
  });
  expect(refusal).toMatchObject({ constraint: "retention_closed" });
  expect(await verify(workspace)).toMatchObject({ valid: true, expiredEvents: 5 });
});

test("a run that broke off before the drop is made again and states nothing twice", async () => {
  const workspace = await makeOldLog();
  const options = await retiring();
  await retireMonth(options, workspace.id, { ...MONTH_IDS, period: "2023-06" });
  expect(await verify(workspace)).toMatchObject({ valid: true, expiredEvents: 0 });
  await drop();
  expect(await verify(workspace)).toMatchObject({ valid: true, expiredEvents: 5 });
  const { data } = await logs.audit(workspace).list({ workspaceId: workspace.id, action: "audit.retention" });
  expect(data).toHaveLength(1);
});

/** As a server finds it that has only the newer secret and never sealed this log. */
async function verifyUnderNewer({ id }: TestWorkspace) {
  const db = logs.dependencies.database.openWorkspace(systemBinding(id, "audit"));
  const keys = await deriveAuditLogKeys([NEWER_SECRET]);
  return verifyLog(db, { workspaceId: id, keys, checkpoint: undefined, known: undefined });
}

test("a newer secret takes over what was stated under the older one, which can go then", async () => {
  const workspace = await makeOldLog();
  await drop();
  // The control: nothing is proven by a key that is not known.
  expect(await verifyUnderNewer(workspace)).toMatchObject({ valid: false, expiredEvents: 0 });
  const { openWorkspace, sim } = logs.dependencies.database;
  const { clock, log } = logs.dependencies.services;
  const keys = await deriveAuditLogKeys([NEWER_SECRET, SECRET]);
  await createSealer({ openWorkspace, sim, clock, log, keys, states: forgetfulStates() }).seal(workspace.id);
  expect(await verifyUnderNewer(workspace)).toMatchObject({ valid: true, expiredEvents: 5, expired: EXPIRED });
});

function runCommand(args: string[], variables: Record<string, string>): Promise<{ code: unknown; output: string }> {
  const script = fileURLToPath(new URL("../../server/db/maintain-cli.ts", import.meta.url));
  const env = { PATH: process.env["PATH"], MIGRATION_DATABASE_URL: logs.database.ownerUrl, ...variables };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

test("the command drops nothing of the audit without the servers' secret, and with it says what it dropped", {
  timeout: 120_000,
}, async () => {
  const workspace = await makeOldLog();
  const refused = await runCommand(["--drop"], {});
  expect(refused).toMatchObject({ code: 1, output: expect.stringContaining(`Kept ${MONTH}: ISOLATION_SECRET is not given`) });
  const wrong = await runCommand(["--drop"], { ISOLATION_SECRET: NEWER_SECRET });
  expect(wrong).toMatchObject({ code: 1, output: expect.stringContaining("No trusted key signed the note") });
  expect(await isMonthThere()).toBe(true);
  const done = await runCommand(["--drop"], { ISOLATION_SECRET: SECRET });
  expect(done).toMatchObject({ code: 0, output: expect.stringContaining(`Dropped ${MONTH}`) });
  expect(await verify(workspace)).toMatchObject({ valid: true, expiredEvents: 5 });
});
