import fc from "fast-check";
import { expect, test } from "vitest";
import { type CallKind, callKinds } from "./calls.ts";
import { difference, Tally } from "./difference.ts";
import type { Dialect } from "./language.ts";
import { OperationSequence } from "./operations.ts";
import { readSchema } from "./schema.ts";
import { type Layers, withWorlds } from "./world.ts";

const { ISOLATION_FUZZ, ISOLATION_SEED, ISOLATION_PATH, ISOLATION_MINUTES } = process.env;
const LONG = 100_000;
const SHORT = 1_000;
const WANTED = ISOLATION_FUZZ === "long" ? LONG : Number(ISOLATION_FUZZ ?? SHORT);
const isLong = WANTED >= LONG;
/** Operations in a sequence, and the calls that they make on average, less a margin. */
const LENGTH = 8;
const CALLS_PER_SEQUENCE = 10;
/** Of the positions and kinds of call, what is tried where there is no time for all; and of the calls, what is answered with a value. */
const FLOOR = { positions: 3 * SHORT, kinds: 0.9, values: 0.3 };

/**
 * Tests that no sequence of calls tells a database with other workspaces from one without, and that none changes them.
 * A failure prints the least sequence that shows it, with its seed and path: ISOLATION_SEED and ISOLATION_PATH repeat it.
 */
export function fuzz(name: string, dialect: Dialect, layers: Layers): void {
  test(name, { timeout: 7_200_000 }, () =>
    withWorlds(layers, async (full, alone) => {
      const kinds = callKinds(readSchema(), dialect);
      const tally = new Tally();
      const begun = performance.now();
      const check = (sequences: OperationSequence, runs: object) =>
        fc.assert(
          fc.asyncProperty(sequences, async (operations) => {
            const found = await difference(full, alone, operations, tally);
            if (found !== null) throw new Error(found);
          }),
          { ...(ISOLATION_SEED && { seed: Number(ISOLATION_SEED) }), ...(ISOLATION_PATH && { path: ISOLATION_PATH }), ...runs },
        );
      const limit = ISOLATION_MINUTES && {
        interruptAfterTimeLimit: Number(ISOLATION_MINUTES) * 60_000,
        markInterruptAsFailure: false,
      };
      await check(new OperationSequence(kinds, LENGTH), { numRuns: Math.ceil(WANTED / CALLS_PER_SEQUENCE), ...limit });
      // Chance has left some out; in the long form each of those is now gone through too.
      if (isLong && tally.calls >= WANTED) {
        for (const some of inChunks(missing(kinds, tally), LENGTH)) {
          await check(new OperationSequence(kinds, 0, some), { numRuns: 1 });
        }
      }
      console.log(`${name}: ${report(kinds, tally, performance.now() - begun)}`);
      expectCoverage(kinds, tally);
    }),
  );
}

function missing(kinds: readonly CallKind[], { hits }: Tally) {
  return kinds.flatMap((kind) => kind.positions.filter(({ label }) => !hits.has(label)).map((position) => ({ kind, position })));
}

function* inChunks<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

function report(kinds: readonly CallKind[], tally: Tally, ms: number): string {
  const labels = kinds.flatMap(({ positions }) => positions.map(({ label }) => label));
  const hit = labels.filter((label) => tally.hits.has(label)).length;
  const answered = labels.filter((label) => tally.answered.has(label)).length;
  return [
    `${tally.calls} calls in ${Math.round(ms / 1_000)} s, ${tally.values} answered with a value`,
    `${kinds.length} kinds of call, ${labels.length} positions in their arguments: ${hit} tried, ${answered} of them answered with a value`,
  ].join("; ");
}

function expectCoverage(kinds: readonly CallKind[], tally: Tally): void {
  // Time has run out, or there was to be little of it.
  if (tally.calls < SHORT || tally.calls < WANTED) return;
  if (isLong) {
    expect(missing(kinds, tally).map(({ position }) => position.label)).toEqual([]);
    return;
  }
  expect(tally.hits.size).toBeGreaterThan(FLOOR.positions);
  const tried = kinds.filter(({ positions: [whole] }) => whole && tally.hits.has(whole.label));
  expect(tried.length / kinds.length).toBeGreaterThan(FLOOR.kinds);
  expect(tally.values / tally.calls).toBeGreaterThan(FLOOR.values);
}
