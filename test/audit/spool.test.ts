import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSpool, readSpoolFile, type Spool, SpoolFullError } from "../../server/audit/spool.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "parlant-spool-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (limits: { maxBytes?: number; rotateBytes?: number } = {}): Spool =>
  openSpool({ directory, maxBytes: 1_000_000, rotateBytes: 100_000, ...limits });
const drain = (spool: Spool): string[] =>
  spool.takeFiles().flatMap((file) => {
    const { records } = spool.read(file);
    spool.remove(file);
    return records;
  });
const onlyFile = (): string => {
  const [owner = ""] = readdirSync(directory);
  const [file = ""] = readdirSync(join(directory, owner));
  return join(directory, owner, file);
};
/** Gives what is spooled to a process that is no more. */
function orphan(owner: string): string {
  const dead = join(directory, owner);
  const [current = ""] = readdirSync(directory);
  renameSync(join(directory, current), dead);
  return dead;
}

test("records come back in order, over rotated files, and what is removed leaves nothing", () => {
  const spool = open({ rotateBytes: 50 });
  const records = Array.from({ length: 20 }, (_, index) => `record ${index} ünïcode`);
  for (const record of records) spool.append(record);
  expect(spool.takeFiles().length).toBeGreaterThan(5);
  expect(drain(spool)).toEqual(records);
  expect(spool.size()).toBe(0);
  spool.append("later");
  expect(drain(spool)).toEqual(["later"]);
  spool.close();
  expect(readdirSync(directory)).toEqual([]);
});

test("a record is in the file system when append returns", () => {
  const spool = open();
  spool.append("kept");
  expect(readFileSync(onlyFile(), "latin1")).toContain("kept");
  spool.close();
});

test("a record that was cut off by the end of its process is left out, and those before it are not", () => {
  const spool = open();
  spool.append("whole");
  spool.append("cut off");
  const file = onlyFile();
  for (let missing = 1; missing < 15; missing++) {
    const copy = join(directory, "copy.spool");
    writeFileSync(copy, readFileSync(file));
    truncateSync(copy, readFileSync(file).length - missing);
    expect(readSpoolFile(copy)).toEqual({ records: ["whole"], damagedBytes: 0 });
  }
  spool.close();
});

test("every bit that changed afterwards is found, in a record's length too, and what stood before it is read", () => {
  const spool = open();
  const records = ["first", "second", "third"];
  for (const record of records) spool.append(record);
  const file = onlyFile();
  const whole = readFileSync(file);
  const starts = [0, 13, 27];
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    writeFileSync(file, bytes);
    const before = starts.filter((start) => start <= bit >> 3).length - 1;
    const damagedBytes = whole.length - (starts[before] ?? 0);
    expect([bit, readSpoolFile(file)]).toEqual([bit, { records: records.slice(0, before), damagedBytes }]);
  }
  // Control: as it was written, nothing is found.
  writeFileSync(file, whole);
  expect(readSpoolFile(file)).toEqual({ records, damagedBytes: 0 });
  spool.close();
});

test("an end of zeros, which a machine that lost its power may leave, is damage and no record", () => {
  const spool = open();
  spool.append("whole");
  const file = onlyFile();
  writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(4096)]));
  expect(readSpoolFile(file)).toEqual({ records: ["whole"], damagedBytes: 4096 });
  spool.close();
});

test("what could not be told from damage is not taken", () => {
  const spool = open();
  expect(() => spool.append("")).toThrow(RangeError);
  expect(() => spool.append("x".repeat(64 * 1024 + 1))).toThrow(RangeError);
  spool.append("x".repeat(64 * 1024));
  expect(drain(spool)).toEqual(["x".repeat(64 * 1024)]);
  spool.close();
});

test("a full spool refuses, and takes more once something was removed", () => {
  const spool = open({ maxBytes: 60, rotateBytes: 20 });
  spool.append("x".repeat(20));
  spool.append("y".repeat(20));
  expect(() => spool.append("z")).toThrow(SpoolFullError);
  expect(drain(spool)).toEqual(["x".repeat(20), "y".repeat(20)]);
  spool.append("z");
  expect(drain(spool)).toEqual(["z"]);
  spool.close();
});

test("what a dead process left is taken over, and what a living one writes is not", () => {
  const dead = open();
  dead.append("of the dead");
  dead.takeFiles();
  const [own = ""] = readdirSync(directory);
  const host = own.split(".").slice(0, -3).join(".");
  const left = orphan(`${host}.${process.pid}.another-start.0`);
  const living = open();
  living.append("of the living");
  const heir = open();
  expect(drain(heir)).toEqual(["of the dead"]);
  expect(existsSync(left)).toBe(false);
  expect(drain(living)).toEqual(["of the living"]);
});

test("what another machine left is taken over once it has been silent for long", () => {
  const other = open();
  other.append("of another machine");
  other.takeFiles();
  const left = orphan("another-host.1.boot-1.0");
  expect(drain(open())).toEqual([]);
  const past = new Date(Date.now() - 11 * 60_000);
  utimesSync(left, past, past);
  expect(drain(open())).toEqual(["of another machine"]);
});

test("files and directories are this account's alone, and strange files are left where they are", () => {
  writeFileSync(join(directory, "stray.txt"), "stray");
  const spool = open();
  spool.append("x");
  const [owner = ""] = readdirSync(directory).filter((name) => name !== "stray.txt");
  const [file = ""] = readdirSync(join(directory, owner));
  expect([statSync(join(directory, owner)).mode & 0o777, statSync(join(directory, owner, file)).mode & 0o777]).toEqual([
    0o700, 0o600,
  ]);
  expect(drain(spool)).toEqual(["x"]);
  spool.close();
  expect(readdirSync(directory)).toEqual(["stray.txt"]);
});
