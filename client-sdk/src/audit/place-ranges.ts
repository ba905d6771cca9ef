import type { LeafRange } from "./proofs.ts";

/** Places in a log as the fewest ranges that have them all, the last place of each excluded. */
export class PlaceRanges {
  #ranges: LeafRange[];

  constructor(ranges: readonly LeafRange[] = []) {
    this.#ranges = merge(ranges);
  }

  get ranges(): readonly LeafRange[] {
    return this.#ranges;
  }

  /** How many places they are. */
  get count(): number {
    return this.#ranges.reduce((total, [from, to]) => total + to - from, 0);
  }

  has(place: number): boolean {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.[1] ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    return (this.#ranges[low]?.[0] ?? Number.POSITIVE_INFINITY) <= place;
  }

  /** Takes places that lie behind all others. */
  append(from: number, to: number): void {
    const last = this.#ranges.at(-1);
    if (last?.[1] === from) this.#ranges[this.#ranges.length - 1] = [last[0], to];
    else this.#ranges.push([from, to]);
  }

  /** Takes out what is among `others` too, and returns it. */
  remove(others: PlaceRanges): LeafRange[] {
    const taken: LeafRange[] = [];
    const left: LeafRange[] = [];
    let index = 0;
    for (const [from, to] of this.#ranges) {
      let next = from;
      while ((others.#ranges[index]?.[1] ?? Number.POSITIVE_INFINITY) <= from) index++;
      for (let at = index; next < to; at++) {
        const [start, end] = others.#ranges[at] ?? [to, to];
        if (start > next) left.push([next, Math.min(start, to)]);
        if (start >= to) break;
        taken.push([Math.max(start, next), Math.min(end, to)]);
        next = Math.min(end, to);
      }
    }
    this.#ranges = left;
    return taken;
  }
}

function merge(ranges: readonly LeafRange[]): LeafRange[] {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort(([one], [other]) => one - other)) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}
