import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type AuditLeaf,
  auditLeafHash,
  CompactRange,
  type ExportEntry,
  importSigningKey,
  type LeafRange,
  PlaceRanges,
  RETENTION_ACTION,
  type Retention,
  sealRetention,
  toBase64,
  verifyExport,
} from "../../../client-sdk/src/audit/index.ts";
import { makeCheckpoint, makeFile, makeLeaf, publicKey, SEED, toEvents, WORKSPACE } from "./export-file.ts";

const leaves = Array.from({ length: 7 }, (_, index) => makeLeaf(index));

function treeOf(own: readonly AuditLeaf[]): CompactRange {
  const tree = new CompactRange();
  for (const leaf of own) tree.append(auditLeafHash(leaf));
  return tree;
}

interface Bent {
  retention?: Partial<Retention>;
  seed?: Uint8Array;
  workspaceId?: string;
  action?: string;
}

/** A log of seven events, of which those from 1 to 4 are gone, and an eighth that says something of it. */
async function verifyWith(format: "ndjson" | "csv", { retention, seed = SEED, workspaceId = WORKSPACE, action }: Bent = {}) {
  const stated = {
    ...{ treeSize: 7, rootHash: treeOf(leaves).root(), places: [[1, 5]] as LeafRange[] },
    ...{ period: "2023-11", expiredAt: "2026-01-01T00:00:00.000Z", by: "ops" },
    ...retention,
  };
  const after = toBase64(await sealRetention(workspaceId, stated, await importSigningKey(seed)));
  const all = [...leaves, makeLeaf(7, { action: action ?? RETENTION_ACTION, after })];
  const range = new CompactRange(1);
  for (const leaf of leaves.slice(1, 4)) range.append(auditLeafHash(leaf));
  const entries = toEvents(all);
  const gone: ExportEntry[] = [
    { kind: "expired", from: 1, to: 4, hashes: range.hashes },
    { kind: "missing", seq: 4, leafHash: auditLeafHash(makeLeaf(4)) },
  ];
  const file = await makeFile(format, [...entries.slice(0, 1), ...gone, ...entries.slice(5)], await makeCheckpoint(all));
  const found = await verifyExport([file], { publicKeys: [await publicKey()] });
  return {
    valid: found.valid,
    expired: found.expired.map(({ firstSeq, lastSeq }) => `${firstSeq}-${lastSeq}`),
    problems: found.problems.map(({ kind, firstSeq, lastSeq }) => `${kind} ${firstSeq}-${lastSeq}`),
  };
}

const missing = { valid: false, expired: [], problems: ["missing 1-4"] };

test.each(["ndjson", "csv"] as const)("places that the log says are no longer kept are expired, as %s", async (format) => {
  expect(await verifyWith(format)).toEqual({ valid: true, expired: ["1-4"], problems: [] });
  expect(await verifyWith(format, { retention: { places: [[0, 3]] } })).toEqual({
    valid: false,
    expired: ["1-2"],
    problems: ["missing 3-4"],
  });
});

test.each<[string, Bent]>([
  ["by another key", { seed: new Uint8Array(32).fill(9) }],
  ["of another log", { workspaceId: "another" }],
  ["of a tree that this one never was", { retention: { rootHash: treeOf(leaves.slice(1)).root() } }],
  ["at another place than behind its tree", { retention: { treeSize: 6, rootHash: treeOf(leaves.slice(0, 6)).root() } }],
  ["in an event of another kind", { action: "agent.update" }],
  ["of places that were not there yet", { retention: { places: [[1, 9]] } }],
])("what is said %s expires nothing", async (_, bent) => {
  expect(await verifyWith("ndjson", bent)).toEqual(missing);
});

test("ranges of places are the set of their places", () => {
  const range = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 6 })).map(([from, length]): LeafRange => [from, from + length]);
  const placesOf = (ranges: readonly LeafRange[]) =>
    new Set(ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index)));
  fc.assert(
    fc.property(fc.array(range), fc.array(range), (one, other) => {
      const [mine, theirs] = [placesOf(one), placesOf(other)];
      const ranges = new PlaceRanges(one);
      expect(ranges.count).toBe(mine.size);
      for (let place = 0; place < 40; place++) expect(ranges.has(place)).toBe(mine.has(place));
      expect(placesOf(ranges.remove(new PlaceRanges(other)))).toEqual(new Set([...mine].filter((place) => theirs.has(place))));
      expect(placesOf(ranges.ranges)).toEqual(new Set([...mine].filter((place) => !theirs.has(place))));
    }),
  );
});
