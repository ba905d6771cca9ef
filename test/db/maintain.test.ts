import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type MaintainOptions, maintain } from "../../server/db/maintain.ts";
import { newId } from "../../server/shared/ids.ts";
import { withConnection } from "../support/connection.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const EVENTS = "parlant.parlant_audit_event";
const DECISIONS = "parlant.parlant_authz_decision";
const now = new Date();
/** A time in the middle of the month that is so many months from now. */
const inMonth = (months: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 15);
const partitionOf = (table: string, months: number) =>
  `${table}_${new Date(inMonth(months)).toISOString().slice(0, 7).replace("-", "_")}`;

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const run = (options: Partial<MaintainOptions> = {}) =>
  maintain({
    url: database.ownerUrl,
    keepMonths: { [EVENTS]: 24, [DECISIONS]: 3 },
    isDropping: false,
    ...options,
  });
const at = (months: number) => ({ clock: { now: () => inMonth(months) } });

async function exists(name: string): Promise<boolean> {
  const { rows } = await database.owner.query("select to_regclass($1) is not null as found", [name]);
  return rows[0].found;
}

test("months ahead are made for every partitioned table, as time goes on", async () => {
  expect(await run()).toEqual({ made: [], expired: [], refused: [] });
  const { made } = await run(at(2));
  expect(made).toEqual([EVENTS, DECISIONS].flatMap((table) => [partitionOf(table, 25), partitionOf(table, 26)]));
  expect(await run(at(2))).toMatchObject({ made: [] });
});

test("what is no longer kept is named, and nothing goes unless it is asked for", async () => {
  const { expired } = await run(at(5));
  expect(expired).toEqual([partitionOf(DECISIONS, 0), partitionOf(DECISIONS, 1)]);
  expect(await exists(partitionOf(DECISIONS, 0))).toBe(true);
});

test("months that are no longer kept are dropped whole, those that are kept and the default partition are not", async () => {
  await withConnection(database.superuserUrl, async (admin) => {
    for (const months of [0, 1, 2]) {
      const id = newId(inMonth(months));
      await admin.query(
        "insert into parlant.parlant_authz_decision values ('w', $1, $2, '', '', '', null, 'allow', '', null, 0)",
        [id, new Date(inMonth(months))],
      );
    }
  });
  await run({ ...at(5), isDropping: true });
  expect(await exists(partitionOf(DECISIONS, 0))).toBe(false);
  expect(await exists(partitionOf(DECISIONS, 2))).toBe(true);
  expect(await exists(`${DECISIONS}_default`)).toBe(true);
  expect(await exists(partitionOf(EVENTS, 0))).toBe(true);
  const left = await withConnection(database.superuserUrl, (admin) => admin.query("select from parlant.parlant_authz_decision"));
  expect(left.rowCount).toBe(1);
});

test("a lock that is not to be had is tried for again", async () => {
  let retries = 0;
  await withConnection(database.ownerUrl, async (busy) => {
    await busy.query(`begin; lock table ${DECISIONS} in access exclusive mode`);
    const log = () => {
      if (++retries === 1) void busy.query("rollback");
    };
    await run({ ...at(5), isDropping: true, log, locks: { lockTimeoutMs: 50, backoffMs: 20 } });
  });
  expect(retries).toBeGreaterThan(0);
  expect(await exists(partitionOf(DECISIONS, 0))).toBe(false);
});

function runCommand(args: string[]): Promise<{ code: unknown; output: string }> {
  const script = fileURLToPath(new URL("../../server/db/maintain-cli.ts", import.meta.url));
  const env = { ...process.env, MIGRATION_DATABASE_URL: database.ownerUrl };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

test("the command says what it did, and refuses a number of months that is none", async () => {
  expect(await runCommand([])).toEqual({
    code: 0,
    output: "All partitions of the months ahead were there\nNothing is older than what is kept\n",
  });
  const refused = await runCommand(["--drop", "--keep-decisions", "0"]);
  expect(refused).toMatchObject({
    code: 78,
    output: expect.stringContaining("--keep-decisions must be a whole number of months"),
  });
  expect(await runCommand(["--everything"])).toMatchObject({ code: 78, output: expect.stringContaining("Usage:") });
});
