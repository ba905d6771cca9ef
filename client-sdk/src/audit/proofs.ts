import { equalBytes } from "./bytes.ts";
import { CompactRange, nodeHash } from "./merkle.ts";

/** Leaves that stand together, the last one excluded. */
export type LeafRange = readonly [from: number, to: number];

/** The ranges whose hashes prove that a leaf is in a tree of that size, nearest first. Source: RFC 6962, section 2.1.1. */
export function inclusionRanges(index: number, treeSize: number): LeafRange[] {
  if (!(index >= 0 && index < treeSize)) throw new RangeError(`A tree of ${treeSize} leaves has none at ${index}`);
  const ranges: LeafRange[] = [];
  for (let [from, to] = [0, treeSize]; to - from > 1; ) {
    const middle = from + leftSize(to - from);
    ranges.unshift(index < middle ? [middle, to] : [from, middle]);
    if (index < middle) to = middle;
    else from = middle;
  }
  return ranges;
}

/** The ranges whose hashes prove that a tree of one size began as that of a smaller one. Source: RFC 6962, section 2.1.2. */
export function consistencyRanges(smallerSize: number, treeSize: number): LeafRange[] {
  if (!(smallerSize >= 0 && smallerSize <= treeSize)) {
    throw new RangeError(`A tree of ${treeSize} leaves did not begin as one of ${smallerSize}`);
  }
  if (smallerSize === 0) return [];
  const ranges: LeafRange[] = [];
  let [from, to] = [0, treeSize];
  while (to > smallerSize) {
    const middle = from + leftSize(to - from);
    ranges.unshift(smallerSize <= middle ? [middle, to] : [from, middle]);
    if (smallerSize <= middle) to = middle;
    else from = middle;
  }
  // Where the smaller tree is a complete subtree, whoever checks has its root already.
  return from === 0 ? ranges : [[from, to], ...ranges];
}

/** The hashes of ranges that do not overlap, in the ranges' order, from one pass over the leaves; nothing but these hashes is kept. */
export class RangeHasher {
  readonly #ranges: readonly LeafRange[];
  readonly #pending: { range: LeafRange; hasher: CompactRange }[];
  readonly #hashes = new Map<LeafRange, Uint8Array>();

  constructor(ranges: readonly LeafRange[]) {
    this.#ranges = ranges;
    this.#pending = ranges
      .map((range) => ({ range, hasher: new CompactRange(range[0]) }))
      .sort((one, other) => other.range[0] - one.range[0]);
  }

  /** Takes the leaves one after the other, each by its place. */
  add(index: number, hash: Uint8Array): void {
    const next = this.#pending.at(-1);
    if (!next || index < next.range[0]) return;
    next.hasher.append(hash);
    if (next.hasher.to < next.range[1]) return;
    this.#hashes.set(next.range, next.hasher.root());
    this.#pending.pop();
  }

  /** @throws RangeError where leaves are still to come */
  hashes(): Uint8Array[] {
    return this.#ranges.map((range) => {
      const hash = this.#hashes.get(range);
      if (!hash) throw new RangeError(`The leaves from ${range[0]} to ${range[1]} were not all given`);
      return hash;
    });
  }
}

/** Whether the hashes prove that the leaf stands at `index` in the tree with this root. Source: RFC 9162, section 2.1.3.2. */
export function verifyInclusion(
  leaf: { index: number; hash: Uint8Array },
  tree: { size: number; root: Uint8Array },
  hashes: readonly Uint8Array[],
): boolean {
  if (!(leaf.index >= 0 && leaf.index < tree.size)) return false;
  const path = new Path(leaf.index, tree.size - 1);
  let root = leaf.hash;
  for (const hash of hashes) {
    if (path.isAtRoot) return false;
    root = path.climb() === "right" ? nodeHash(hash, root) : nodeHash(root, hash);
  }
  return path.isAtRoot && equalBytes(root, tree.root);
}

/** Whether the hashes prove that the tree began as the smaller one. Source: RFC 9162, section 2.1.4.2. */
export function verifyConsistency(
  smaller: { size: number; root: Uint8Array },
  tree: { size: number; root: Uint8Array },
  hashes: readonly Uint8Array[],
): boolean {
  if (!(smaller.size >= 0 && smaller.size <= tree.size)) return false;
  if (smaller.size === 0) return hashes.length === 0 && equalBytes(smaller.root, new CompactRange().root());
  if (smaller.size === tree.size) return hashes.length === 0 && equalBytes(smaller.root, tree.root);
  const [first, ...rest] = leftSize(smaller.size + 1) === smaller.size ? [smaller.root, ...hashes] : hashes;
  if (!first) return false;
  const path = new Path(smaller.size - 1, tree.size - 1);
  path.skipRightSides();
  let [smallerRoot, root] = [first, first];
  for (const hash of rest) {
    if (path.isAtRoot) return false;
    if (path.climb() === "right") {
      smallerRoot = nodeHash(hash, smallerRoot);
      root = nodeHash(hash, root);
    } else {
      root = nodeHash(root, hash);
    }
  }
  return path.isAtRoot && equalBytes(smallerRoot, smaller.root) && equalBytes(root, tree.root);
}

/** The way from a node up to the root, level by level, beside that of the tree's last leaf. */
class Path {
  #node: number;
  #last: number;

  constructor(index: number, last: number) {
    this.#node = index;
    this.#last = last;
  }

  get isAtRoot(): boolean {
    return this.#last === 0;
  }

  /** Goes up to the next node that has a sibling, and says on which side of it the way came. */
  climb(): "left" | "right" {
    const isRight = this.#node % 2 === 1 || this.#node === this.#last;
    if (isRight) while (this.#node % 2 === 0 && this.#node !== 0) this.#up();
    this.#up();
    return isRight ? "right" : "left";
  }

  skipRightSides(): void {
    while (this.#node % 2 === 1) this.#up();
  }

  #up(): void {
    this.#node = Math.floor(this.#node / 2);
    this.#last = Math.floor(this.#last / 2);
  }
}

/** The leaves on the left of a tree's root: the largest power of two below its size. */
function leftSize(size: number): number {
  let left = 1;
  while (left * 2 < size) left *= 2;
  return left;
}
