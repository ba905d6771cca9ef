/** One way of doing the same thing. */
export interface Variant {
  name: string;
  run(): Promise<unknown>;
}

export interface Latency {
  name: string;
  p50Us: number;
  p95Us: number;
}

/** Latencies of variants that take turns call by call, to and fro, so that whatever else the machine does hits all alike. */
export async function measureLatency(variants: readonly Variant[], rounds: number): Promise<Latency[]> {
  const samples = new Map(variants.map(({ name }) => [name, [] as number[]]));
  for (let round = -Math.ceil(rounds / 10); round < rounds; round++) {
    for (const { name, run } of round % 2 === 0 ? variants : variants.toReversed()) {
      const startedNs = process.hrtime.bigint();
      await run();
      if (round >= 0) samples.get(name)?.push(Number(process.hrtime.bigint() - startedNs) / 1_000);
    }
  }
  return variants.map(({ name }) => {
    const sorted = (samples.get(name) ?? []).sort((a, b) => a - b);
    return { name, p50Us: quantile(sorted, 0.5), p95Us: quantile(sorted, 0.95) };
  });
}

/** Calls per second of each variant with `concurrency` calls under way; the best of several turns, taken in rotation. */
export async function measureThroughput(
  variants: readonly Variant[],
  options: { concurrency: number; calls: number; turns: number },
): Promise<Map<string, number>> {
  const best = new Map<string, number>();
  for (let turn = 0; turn < options.turns; turn++) {
    for (const { name, run } of variants) {
      let remaining = options.calls;
      const startedNs = process.hrtime.bigint();
      await Promise.all(
        Array.from({ length: options.concurrency }, async () => {
          while (remaining-- > 0) await run();
        }),
      );
      const perSecond = options.calls / (Number(process.hrtime.bigint() - startedNs) / 1e9);
      best.set(name, Math.max(best.get(name) ?? 0, perSecond));
    }
  }
  return best;
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
