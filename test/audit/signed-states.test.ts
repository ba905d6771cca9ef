import { randomBytes } from "node:crypto";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openSignedStates, type SignedStates } from "../../server/audit/signed-states.ts";
import { createTestDependencies } from "../support/services.ts";
import { type LogFixture, startLogFixture } from "./log-fixture.ts";

let logs: LogFixture;
beforeAll(async () => {
  logs = await startLogFixture();
});
afterAll(() => logs?.stop());

let directory: string;
let lines: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "signed-"));
  lines = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
const open = (maxWorkspaces?: number): SignedStates =>
  openSignedStates({ directory, log, ...(maxWorkspaces !== undefined && { maxWorkspaces }) });
const state = (treeSize: number) => ({ origin: "any", treeSize, rootHash: new Uint8Array(randomBytes(32)) });
const files = () => readdirSync(directory).map((file) => join(directory, file));

/** As the file of a process of this machine that is not there any more. */
function leaveBehind(): string {
  const [file = ""] = files();
  const left = file.replace(/\.\d+\.[0-9A-Za-z-]+\.\d+\.signed$/, ".999999999.0.0.signed");
  renameSync(file, left);
  return left;
}

test("what was noted is there after the process was killed, the longest state of each log", () => {
  const [first, second] = [state(3), state(5)];
  const states = open();
  states.note("a", first);
  states.note("a", second);
  states.note("a", first);
  states.note("b", first);
  // Nothing is closed.
  const left = leaveBehind();
  writeFileSync(`${left}.next`, "as of one that was being written");
  const next = open();
  expect(next.get("a")).toMatchObject({ treeSize: 5, rootHash: second.rootHash });
  expect(next.get("b")?.treeSize).toBe(3);
  expect(files()).not.toContain(left);
  expect(files()).not.toContain(`${left}.next`);
  expect(open().get("a")?.treeSize).toBe(5);
});

test("a file that is cut off or spoilt gives what stands before, and its damage is told", () => {
  const states = open();
  for (let size = 1; size <= 3; size++) states.note(`w${size}`, state(size));
  states.close();
  const [file = ""] = files();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.subarray(0, bytes.length - 5));
  const next = open();
  expect([next.get("w2")?.treeSize, next.get("w3")]).toEqual([2, undefined]);
  expect(lines).toEqual([]);
  appendFileSync(file, randomBytes(200));
  expect(open().get("w2")?.treeSize).toBe(2);
  expect(lines).toHaveLength(1);
});

test("so many workspaces are remembered, those noted last, and the file does not grow without end", () => {
  const states = open(3);
  for (let size = 1; size <= 25_000; size++) states.note(`w${size % 5}`, state(size));
  states.close();
  expect(files()).toHaveLength(1);
  expect(statSync(files()[0] ?? "").size).toBeLessThan(10_100 * 90);
  const next = open(3);
  expect(["w0", "w1", "w2", "w3", "w4"].map((id) => next.get(id)?.treeSize)).toEqual([
    25_000,
    undefined,
    undefined,
    24_998,
    24_999,
  ]);
});

test("a log that is cut back while no server runs is noticed by the next one, and is not continued", async () => {
  const workspace = await logs.makeLog(6, 3);
  const { id } = workspace;
  for (const [table, behind] of [
    ["checkpoint", "tree_size > 3"],
    ["leaf", "seq >= 3"],
  ]) {
    await logs.bend(`delete from parlant.parlant_audit_${table} where workspace_id = $1 and ${behind}`, [id]);
  }
  const restarted = await createTestDependencies(logs.database.appUrl);
  const stranger = await createTestDependencies(logs.database.appUrl, { PARLANT_DATA_DIR: directory });
  try {
    const verify = (dependencies: typeof restarted) =>
      logs.audit(workspace, workspace.admin, dependencies).verify({ workspaceId: id });
    const { valid, problems } = await verify(restarted);
    expect([valid, problems.map(({ kind, firstSeq }) => `${kind} ${firstSeq}`)]).toEqual([false, ["truncated 3"]]);
    await expect(restarted.sealer.seal(id)).rejects.toThrow("a tree of 6 entries was signed, and it says 3");
    // The control: to a server without that memory it is a shorter log.
    expect(await verify(stranger)).toMatchObject({ valid: true, treeSize: 3 });
  } finally {
    await restarted.close();
    await stranger.close();
  }
});
