import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../../client-sdk/src/audit/bytes.ts";
import { CompactRange, leafHash, nodeHash } from "../../../client-sdk/src/audit/merkle.ts";
import {
  consistencyRanges,
  inclusionRanges,
  type LeafRange,
  RangeHasher,
  verifyConsistency,
  verifyInclusion,
} from "../../../client-sdk/src/audit/proofs.ts";
import { portableSha256, sha256 } from "../../../client-sdk/src/audit/sha256.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The vectors of Certificate Transparency's reference implementation (merkletree/merkle_tree_test.cc). */
const ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const CONSISTENCY: [number, number, string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  ],
  [
    6,
    8,
    [
      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  ],
  [
    2,
    5,
    [
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
  ],
];
const INCLUSION: [number, number, string[]][] = [
  [
    0,
    8,
    [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  ],
  [
    5,
    8,
    [
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  ],
];
const LEAVES = ENTRIES.map((entry) => leafHash(Buffer.from(entry, "hex")));

/** The tree hash as RFC 6962 writes it down, without a thought for speed. */
function treeHash(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (!only) return sha256(new Uint8Array());
  if (leaves.length === 1) return only;
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return nodeHash(treeHash(leaves.slice(0, left)), treeHash(leaves.slice(left)));
}

function hashesOf(ranges: readonly LeafRange[], leaves: readonly Uint8Array[]): Uint8Array[] {
  const hasher = new RangeHasher(ranges);
  leaves.forEach((leaf, index) => {
    hasher.add(index, leaf);
  });
  return hasher.hashes();
}

const leavesOf = (size: number) => Array.from({ length: size }, (_, index) => leafHash(utf8(`entry ${index}`)));
const sizes = fc.integer({ min: 1, max: 300 });

describe("SHA-256", () => {
  test("is the platform's where there is one, and the portable one gives the same", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        const expected = createHash("sha256").update(data).digest("hex");
        expect(hex(portableSha256(data))).toBe(expected);
        expect(hex(sha256(data))).toBe(expected);
      }),
    );
    expect(hex(portableSha256(utf8("abc")))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("the tree", () => {
  test("has the published roots, leaf by leaf", () => {
    const tree = new CompactRange();
    expect(hex(tree.root())).toBe(ROOTS[0]);
    LEAVES.forEach((leaf, index) => {
      tree.append(leaf);
      expect(hex(tree.root())).toBe(ROOTS[index + 1]);
    });
  });

  test("gives the published proofs, and they hold", () => {
    for (const [smaller, size, expected] of CONSISTENCY) {
      const proof = hashesOf(consistencyRanges(smaller, size), LEAVES);
      expect(proof.map(hex)).toEqual(expected);
      const roots = [smaller, size].map((at) => ({ size: at, root: treeHash(LEAVES.slice(0, at)) }));
      expect(verifyConsistency(roots[0] ?? never(), roots[1] ?? never(), proof)).toBe(true);
    }
    for (const [index, size, expected] of INCLUSION) {
      const proof = hashesOf(inclusionRanges(index, size), LEAVES);
      expect(proof.map(hex)).toEqual(expected);
      const tree = { size, root: treeHash(LEAVES) };
      expect(verifyInclusion({ index, hash: LEAVES[index] ?? never() }, tree, proof)).toBe(true);
    }
  });

  test("is that of the definition, however it was put together", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (size, one, other) => {
        const leaves = leavesOf(size);
        const [from = 0, to = 0] = [one % (size + 1), other % (size + 1)].sort((a, b) => a - b);
        const tree = new CompactRange();
        for (const leaf of leaves.slice(0, from)) tree.append(leaf);
        const range = new CompactRange(from);
        for (const leaf of leaves.slice(from, to)) range.append(leaf);
        tree.appendAll(to, range.hashes);
        const restored = CompactRange.restore(0, to, tree.hashes);
        for (const leaf of leaves.slice(to)) restored.append(leaf);
        expect(hex(restored.root())).toBe(hex(treeHash(leaves)));
        expect(restored.hashes.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size + 1)));
      }),
      { numRuns: 60 },
    );
  });

  test("is not restored from another number of hashes, nor from hashes of another length", () => {
    expect(() => CompactRange.restore(0, 3, LEAVES.slice(0, 1))).toThrow("2 subtrees; 1 hashes");
    expect(() => CompactRange.restore(0, 1, [new Uint8Array(31)])).toThrow(RangeError);
  });
});

describe("proofs", () => {
  test("of inclusion hold for their leaf, place, size and root, and for nothing else", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (size, at, flip) => {
        const leaves = leavesOf(size);
        const index = at % size;
        const hash = leaves[index] ?? never();
        const tree = { size, root: treeHash(leaves) };
        const proof = hashesOf(inclusionRanges(index, size), leaves);
        expect(verifyInclusion({ index, hash }, tree, proof)).toBe(true);
        expect(verifyInclusion({ index, hash: leafHash(hash) }, tree, proof)).toBe(false);
        expect(verifyInclusion({ index, hash }, { size, root: leafHash(hash) }, proof)).toBe(false);
        expect(verifyInclusion({ index, hash }, tree, [...proof, hash])).toBe(false);
        expect(verifyInclusion({ index: size, hash }, tree, proof)).toBe(false);
        if (size > 1) {
          expect(verifyInclusion({ index: (index + 1) % size, hash }, tree, proof)).toBe(false);
          expect(verifyInclusion({ index, hash }, tree, proof.slice(1))).toBe(false);
          const bent = proof.map((one, place) => (place === flip % proof.length ? leafHash(one) : one));
          expect(verifyInclusion({ index, hash }, tree, bent)).toBe(false);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("of consistency hold for the tree that grew, and for none that was changed or cut", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (size, at, changed) => {
        const leaves = leavesOf(size);
        const smallerSize = at % (size + 1);
        const smaller = { size: smallerSize, root: treeHash(leaves.slice(0, smallerSize)) };
        const proof = hashesOf(consistencyRanges(smallerSize, size), leaves);
        expect(verifyConsistency(smaller, { size, root: treeHash(leaves) }, proof)).toBe(true);
        expect(verifyConsistency(smaller, { size, root: treeHash(leaves) }, [...proof, smaller.root])).toBe(false);
        if (smallerSize === 0) return;
        const rewritten = leaves.map((leaf, index) => (index === changed % smallerSize ? leafHash(leaf) : leaf));
        const other = { size, root: treeHash(rewritten) };
        expect(verifyConsistency(smaller, other, hashesOf(consistencyRanges(smallerSize, size), rewritten))).toBe(false);
        if (smallerSize === size) return;
        expect(verifyConsistency({ size, root: treeHash(leaves) }, smaller, proof)).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  test("are for places that are there", () => {
    expect(() => inclusionRanges(3, 3)).toThrow("has none at 3");
    expect(() => consistencyRanges(4, 3)).toThrow("did not begin as one of 4");
    expect(() => new RangeHasher([[0, 2]]).hashes()).toThrow("were not all given");
  });
});

function never(): never {
  throw new Error("No such vector");
}
