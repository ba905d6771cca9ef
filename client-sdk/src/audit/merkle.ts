import { type Bytes, concatBytes } from "./bytes.ts";
import { sha256 } from "./sha256.ts";

const LEAF_PREFIX = Uint8Array.of(0);
const NODE_PREFIX = Uint8Array.of(1);

/** Bytes of a hash. */
export const HASH_BYTES = 32;

/** The hash of an entry of the log. Entries and inner nodes are hashed apart, so neither passes for the other. Source: RFC 6962, section 2.1. */
export function leafHash(entry: Uint8Array): Bytes {
  return sha256(concatBytes(LEAF_PREFIX, entry));
}

/** The hash of two subtrees that stand side by side. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Bytes {
  return sha256(concatBytes(NODE_PREFIX, left, right));
}

interface Subtree {
  from: number;
  /** It holds 2^level leaves. */
  level: number;
  hash: Uint8Array;
}

/**
 * Some consecutive leaves of a tree, kept as the fewest complete subtrees that make them up: at most two for each level,
 * however many leaves. From 0 on it is the tree itself, which grows without its leaves being kept.
 */
export class CompactRange {
  readonly from: number;
  readonly #subtrees: Subtree[] = [];
  #to: number;

  constructor(from = 0) {
    this.from = from;
    this.#to = from;
  }

  /** The range that `hashes` stand for, as its own `hashes` told them. Throws RangeError where it has another number of subtrees. */
  static restore(from: number, to: number, hashes: readonly Uint8Array[]): CompactRange {
    const range = new CompactRange(from);
    range.appendAll(to, hashes);
    return range;
  }

  /** The first leaf behind it; of a tree, its size. */
  get to(): number {
    return this.#to;
  }

  /** The hashes of its subtrees, from left to right. */
  get hashes(): Uint8Array[] {
    return this.#subtrees.map(({ hash }) => hash);
  }

  append(hash: Uint8Array): void {
    this.#push(0, hash);
  }

  /** Appends the leaves up to `to` by the hashes of their subtrees. Throws RangeError where they have another number of subtrees. */
  appendAll(to: number, hashes: readonly Uint8Array[]): void {
    const levels = subtreeLevels(this.#to, to);
    if (levels.length !== hashes.length || hashes.some(({ length }) => length !== HASH_BYTES)) {
      throw new RangeError(`Leaves ${this.#to} to ${to} are ${levels.length} subtrees; ${hashes.length} hashes were given`);
    }
    hashes.forEach((hash, index) => {
      this.#push(levels[index] ?? 0, hash);
    });
  }

  /** The root of the tree of exactly these leaves; for a range that begins elsewhere than at 0, its hash where it is one side of a node. */
  root(): Bytes {
    const [last, ...others] = this.hashes.reverse();
    return others.reduce<Bytes>((right, left) => nodeHash(left, right), last ? concatBytes(last) : sha256(new Uint8Array()));
  }

  #push(level: number, hash: Uint8Array): void {
    let top: Subtree = { from: this.#to, level, hash };
    this.#to += 2 ** level;
    for (let left = this.#subtrees.at(-1); left && isLeftOf(left, top); left = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      top = { from: left.from, level: left.level + 1, hash: nodeHash(left.hash, top.hash) };
    }
    this.#subtrees.push(top);
  }
}

/** Whether the two are the halves of one complete subtree. */
function isLeftOf(left: Subtree, right: Subtree): boolean {
  return left.level === right.level && left.from % 2 ** (left.level + 1) === 0;
}

/** The levels of the fewest complete subtrees that make up the leaves `from` to `to`, from left to right. */
function subtreeLevels(from: number, to: number): number[] {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to < from) {
    throw new RangeError(`There are no leaves from ${from} to ${to}`);
  }
  const levels: number[] = [];
  for (let start = from; start < to; ) {
    let level = 0;
    while (start % 2 ** (level + 1) === 0 && start + 2 ** (level + 1) <= to) level++;
    levels.push(level);
    start += 2 ** level;
  }
  return levels;
}
