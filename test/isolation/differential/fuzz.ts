import { randomInt } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CallKind, callKinds } from "./calls.ts";
import { difference, Tally } from "./difference.ts";
import type { Dialect } from "./language.ts";
import { OperationSequence } from "./operations.ts";
import { randomOf } from "./rows.ts";
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
/**
 * Of the positions, what is tried where there is no time for all; and the share that is answered with a value: of the calls,
 * and in the long form of the positions, since there each of them is gone through, however seldom chance would have it.
 */
const FLOOR = { positions: 3 * SHORT, values: 0.3 };

/**
 * Tests that no sequence of calls tells a database with other workspaces from one without, and that none changes them.
 * The long form goes through all positions of all kinds of call first, the short one through the kinds; chance has the rest.
 * A failure prints the least sequence that shows it and the seed that repeats the run; after what is gone through, also the
 * path that repeats this sequence alone.
 */
export function fuzz(name: string, dialect: Dialect, layers: Layers): void {
  test(name, { timeout: 7_200_000 }, () =>
    withWorlds(layers, async (full, alone) => {
      const seed = ISOLATION_SEED ? Number(ISOLATION_SEED) : randomInt(2 ** 31);
      const kinds = kindsOf(dialect);
      const tally = new Tally();
      const begun = performance.now();
      const elapsedMs = () => performance.now() - begun;
      const limitMs = Number(ISOLATION_MINUTES ?? Number.POSITIVE_INFINITY) * 60_000;
      const isTimeUp = () => elapsedMs() >= limitMs;
      const check = async (sequences: OperationSequence, runs: object) => {
        const property = fc.asyncProperty(sequences, async (operations) => {
          const found = await difference(full, alone, operations, tally);
          if (found !== null) throw new Error(found);
        });
        const result = await fc.check(property, { seed, ...runs });
        if (result.failed)
          throw new Error(`${fc.defaultReportMessage(result)}\n${result.errorInstance}\nISOLATION_SEED=${seed} repeats the run`);
      };
      if (!ISOLATION_PATH) {
        for (const [index, some] of untried(kinds, tally, seed)) {
          if (isTimeUp()) break;
          await check(new OperationSequence(kinds, 0, some), { seed: seed + index, numRuns: 1 });
        }
      }
      if (!isTimeUp()) {
        await check(new OperationSequence(kinds, LENGTH), {
          numRuns: Math.max(1, Math.ceil((WANTED - tally.calls) / CALLS_PER_SEQUENCE)),
          ...(ISOLATION_PATH && { path: ISOLATION_PATH }),
          ...(ISOLATION_MINUTES && { interruptAfterTimeLimit: limitMs - elapsedMs(), markInterruptAsFailure: false }),
        });
      }
      console.log(`${name}: ${report(kinds, tally, elapsedMs())}`);
      expectCoverage(kinds, tally);
    }),
  );
}

const kindsByDialect = new Map<Dialect, readonly CallKind[]>();

function kindsOf(dialect: Dialect): readonly CallKind[] {
  const kinds = kindsByDialect.get(dialect) ?? callKinds(readSchema(), dialect);
  kindsByDialect.set(dialect, kinds);
  return kinds;
}

/** The positions to go through that no call has had by the time it is their turn, in an order that the seed says. */
function* untried(kinds: readonly CallKind[], { hits }: Tally, seed: number) {
  const random = randomOf(seed);
  const left = kinds.flatMap((kind) => positionsOf(kind).map((position) => ({ kind, position, turn: random(2 ** 31) })));
  left.sort((one, other) => one.turn - other.turn);
  for (let index = 0; left.length > 0; index++) {
    const some: typeof left = [];
    while (some.length < LENGTH) {
      const next = left.pop();
      if (!next) break;
      if (!hits.has(next.position.label)) some.push(next);
    }
    if (some.length > 0) yield [index, some] as const;
  }
}

/** Of a kind of call, what is gone through: the call itself, of which its first position is the whole, and all else if there is time. */
function positionsOf({ positions }: CallKind) {
  return isLong ? positions : positions.slice(0, 1);
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
  const missing = kinds.flatMap((kind) => positionsOf(kind).filter(({ label }) => !tally.hits.has(label)));
  expect(missing.map(({ label }) => label)).toEqual([]);
  expect(tally.hits.size).toBeGreaterThan(FLOOR.positions);
  const answered = isLong ? tally.answered.size / tally.hits.size : tally.values / tally.calls;
  expect(answered).toBeGreaterThan(FLOOR.values);
}
