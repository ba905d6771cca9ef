const BARS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;
const MAX_WIDTH = 60;

/** Counts over time as a line of bars, the highest full; neighbours are added up where there are more than fit. */
export function sparkline(counts: readonly number[]): string {
  const size = Math.max(1, Math.ceil(counts.length / MAX_WIDTH));
  const columns: number[] = [];
  for (let start = 0; start < counts.length; start += size) {
    columns.push(counts.slice(start, start + size).reduce((sum, count) => sum + count, 0));
  }
  const highest = Math.max(...columns, 0);
  // What is there at all is to be told from nothing.
  const barOf = (count: number) => (count <= 0 ? 0 : Math.max(1, Math.ceil((count / highest) * (BARS.length - 1))));
  return columns.map((count) => BARS[barOf(count)]).join("");
}
