import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createDecisionLog, type Decision, type ReadPolicy } from "../../server/audit/decision-log.ts";
import { openSpool, readSpoolFile } from "../../server/audit/spool.ts";
import { resolveSpoolDirectory } from "../../server/audit/spool-directory.ts";
import type { DecisionRow } from "../../server/db/decision-insert.ts";

const decision: Decision = {
  workspaceId: "w",
  principalKind: "session",
  principalId: "u",
  procedure: "workspaces.agents.list",
  agentId: null,
  source: "cache",
  requestId: "r",
  latencyUs: 7,
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "parlant-decisions-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function makeLog(policy: ReadPolicy, database: { refuses?: (row: DecisionRow) => object | undefined }, maxBytes = 1_000_000) {
  const written: DecisionRow[] = [];
  const logged: string[] = [];
  const spool = openSpool({ directory, maxBytes, rotateBytes: 500 });
  const decisions = createDecisionLog({
    spool,
    async insert(rows) {
      for (const row of rows) {
        const refusal = database.refuses?.(row);
        if (refusal) throw Object.assign(new Error("refused"), refusal);
      }
      written.push(...rows);
    },
    policy,
    clock: { now: () => 1_800_000_000_000 },
    log: pino({ base: null }, { write: (line: string) => logged.push(line) }),
  });
  return { decisions, written, logged };
}
const isAway = () => ({ code: "ECONNREFUSED" });

test("under `available` reads go on while the database is away, and every decision is written once it is back", async () => {
  const database: { refuses?: () => object | undefined } = { refuses: isAway };
  const { decisions, written } = makeLog("available", database);
  for (let count = 0; count < 20; count++) {
    decisions.assertReadable();
    decisions.record({ ...decision, latencyUs: count });
  }
  await expect(decisions.flush()).rejects.toThrow();
  expect(() => decisions.assertReadable()).not.toThrow();
  delete database.refuses;
  await decisions.flush();
  expect(written.map(({ latencyUs }) => latencyUs)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(written[0]).toMatchObject({ ...decision, latencyUs: 0, outcome: "allow", occurredAt: new Date(1_800_000_000_000) });
  expect(decisions.counters).toEqual({ spooled: 20, written: 20, lost: 0 });
  await decisions.close();
});

test("under `required` reads are refused while decisions do not reach the database", async () => {
  const database: { refuses?: () => object | undefined } = { refuses: isAway };
  const { decisions } = makeLog("required", database);
  decisions.record(decision);
  expect(() => decisions.assertReadable()).not.toThrow();
  await expect(decisions.flush()).rejects.toThrow();
  expect(() => decisions.assertReadable()).toThrow(expect.objectContaining({ code: "SERVICE_UNAVAILABLE" }));
  delete database.refuses;
  await decisions.flush();
  expect(() => decisions.assertReadable()).not.toThrow();
  await decisions.close();
});

test("a full spool refuses reads under `required`, and is counted and logged under `available`", async () => {
  const strict = makeLog("required", { refuses: isAway }, 200);
  const lenient = makeLog("available", { refuses: isAway }, 200);
  const fill = (decisions: typeof strict.decisions) => {
    for (let count = 0; count < 10; count++) decisions.record(decision);
  };
  expect(() => fill(strict.decisions)).toThrow(expect.objectContaining({ code: "SERVICE_UNAVAILABLE" }));
  expect(() => fill(lenient.decisions)).not.toThrow();
  expect(lenient.decisions.counters.lost).toBe(10 - lenient.decisions.counters.spooled);
  expect(lenient.decisions.counters.lost).toBeGreaterThan(0);
  expect(lenient.logged.join("")).toContain("takes no more decisions");
  await Promise.all([strict.decisions.close(), lenient.decisions.close()]);
});

test("a row that the database will never take is set aside and told, and holds up no other", async () => {
  const refuses = (row: DecisionRow) => (row.latencyUs === 3 ? { code: "22P02" } : undefined);
  const { decisions, written, logged } = makeLog("available", { refuses });
  for (let count = 0; count < 8; count++) decisions.record({ ...decision, latencyUs: count });
  await decisions.flush();
  expect(written.map(({ latencyUs }) => latencyUs)).toEqual([0, 1, 2, 4, 5, 6, 7]);
  expect(decisions.counters.lost).toBe(1);
  expect(logged.join("")).toContain("refuses");
  await decisions.close();
});

test("what a closing log could not write stays on the disk", async () => {
  const first = makeLog("available", { refuses: isAway });
  first.decisions.record(decision);
  await first.decisions.close();
  expect(first.written).toEqual([]);
  const [owner = ""] = readdirSync(directory);
  const [file = ""] = readdirSync(join(directory, owner));
  expect(readSpoolFile(join(directory, owner, file)).records).toHaveLength(1);
});

test("a damaged and an unreadable file are kept and told, and hold up no other", async () => {
  const database: { refuses?: () => object | undefined } = { refuses: isAway };
  const { decisions, written, logged } = makeLog("required", database);
  for (let count = 0; count < 12; count++) decisions.record({ ...decision, latencyUs: count });
  await expect(decisions.flush()).rejects.toThrow();
  const [owner = ""] = readdirSync(directory);
  const [first = "", second = "", ...others] = readdirSync(join(directory, owner)).sort();
  expect(others.length).toBeGreaterThan(0);
  const file = (name: string) => join(directory, owner, name);
  const inFirst = readSpoolFile(file(first)).records.length;
  const inSecond = readSpoolFile(file(second)).records.length;
  const spoilt = readFileSync(file(first));
  spoilt.writeUInt8(0x40, 3); // the length of the first record
  writeFileSync(file(first), spoilt);
  rmSync(file(second));
  mkdirSync(file(second));
  delete database.refuses;
  await decisions.flush();
  expect(written).toHaveLength(12 - inFirst - inSecond);
  expect(decisions.counters.lost).toBe(2);
  expect(logged.join("")).toContain(`"damagedBytes":${spoilt.length}`);
  expect(logged.join("")).toContain("EISDIR");
  expect(readdirSync(join(directory, owner)).sort()).toEqual([`${first}.damaged`, `${second}.damaged`]);
  expect(readFileSync(file(`${first}.damaged`))).toEqual(spoilt);
  expect(() => decisions.assertReadable()).not.toThrow();
  decisions.record(decision);
  await decisions.flush();
  expect(decisions.counters.lost).toBe(2);
  await decisions.close();
});

test("a log that closes while the database says nothing waits a few seconds, and all stays on the disk", async () => {
  vi.useFakeTimers();
  try {
    const logged: string[] = [];
    const decisions = createDecisionLog({
      spool: openSpool({ directory, maxBytes: 1_000_000, rotateBytes: 500 }),
      insert: () => new Promise(() => {}),
      policy: "available",
      clock: { now: () => 1_800_000_000_000 },
      log: pino({ base: null }, { write: (line: string) => logged.push(line) }),
    });
    decisions.record(decision);
    const closing = decisions.close();
    await vi.advanceTimersByTimeAsync(5_000);
    await closing;
    const [owner = ""] = readdirSync(directory);
    const [file = ""] = readdirSync(join(directory, owner));
    expect(readSpoolFile(join(directory, owner, file)).records).toHaveLength(1);
    expect(logged.join("")).toContain("stay spooled for the next start");
  } finally {
    vi.useRealTimers();
  }
});

test("databases do not share a spool, and one that is reached by another address keeps its own", () => {
  const warnings: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => warnings.push(line) });
  const of = (url: string, identity: string | null) => resolveSpoolDirectory(directory, url, identity, log);
  const [one, other] = ["postgresql://a:x@db:5432/sim", "postgresql://b:y@db:5433/sim"] as const;
  expect(of(one, "cluster/1")).toBe(of(other, "cluster/1"));
  expect(of(one, "cluster/1")).not.toBe(of(one, "cluster/2"));
  expect(of(one, null)).not.toBe(of(other, null));
  expect(warnings).toEqual([]);
});

test("a spool that falls back to the temporary directory is warned of", () => {
  const warnings: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => warnings.push(line) });
  writeFileSync(join(directory, "audit-spool"), "in the way");
  const found = resolveSpoolDirectory(directory, "postgresql://a:x@db:5432/sim", `of-${directory}`, log);
  expect(found.startsWith(directory)).toBe(false);
  rmSync(found, { recursive: true });
  expect(warnings.map((line) => JSON.parse(line))).toMatchObject([{ level: 40, directory: found }]);
});

test("what a process left that died while others serve on is written by them", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const { decisions, written } = makeLog("available", {});
    const [own = ""] = readdirSync(directory);
    const dying = openSpool({ directory, maxBytes: 1_000_000, rotateBytes: 500 });
    const [died = ""] = readdirSync(directory).filter((name) => name !== own);
    const record = JSON.stringify(["w", "id", 1_800_000_000_000, "session", "u", "p", null, "cache", "r", 7]);
    dying.append(record);
    dying.takeFiles();
    renameSync(join(directory, died), join(directory, died.replace(/[^.]+\.\d+$/, "another-start.0")));
    await decisions.flush();
    expect(written).toEqual([]);
    vi.advanceTimersByTime(60_000);
    await decisions.flush();
    expect(written).toMatchObject([{ id: "id", workspaceId: "w" }]);
    expect(readdirSync(directory)).toEqual([own]);
    await decisions.close();
  } finally {
    vi.useRealTimers();
  }
});
