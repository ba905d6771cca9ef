import fc from "fast-check";
import { type Call, type CallKind, makeCall } from "./calls.ts";
import type { Position, Random } from "./shapes.ts";

/** What a client does at a time. */
export type Operation =
  | { kind: "call"; call: Call }
  /** Reads of one tick, which Prisma may answer together. */
  | { kind: "together"; calls: Call[] }
  /** Steps of an interactive transaction; the calls of one step are awaited together, as an array. */
  | { kind: "transaction"; steps: Call[][]; isRolledBack: boolean };

export const callsOf = (operation: Operation): Call[] => {
  if (operation.kind === "call") return [operation.call];
  return operation.kind === "together" ? operation.calls : operation.steps.flat();
};

export const isRead = (action: string) => /^(find|count|aggregate|groupBy)/.test(action);
/** Out of so many operations, one is a batch of reads and one a transaction. */
const ODDS = 12;

/** A sequence of operations, the first of them through the given positions; it shrinks by leaving out whatever it can. */
export class OperationSequence extends fc.Arbitrary<Operation[]> {
  readonly #kinds: readonly CallKind[];
  readonly #readKinds: readonly CallKind[];
  readonly #targets: readonly { kind: CallKind; position: Position }[];
  #all: readonly { kind: CallKind; position: Position }[] | undefined;
  readonly #length: number;

  constructor(kinds: readonly CallKind[], length: number, targets: readonly { kind: CallKind; position: Position }[] = []) {
    super();
    this.#kinds = kinds;
    this.#readKinds = kinds.filter((kind) => isRead(kind.action) && kind.model.isScoped);
    this.#targets = targets;
    this.#length = length;
  }

  override generate(mrng: fc.Random): fc.Value<Operation[]> {
    const random: Random = (below) => mrng.nextInt(0, below - 1);
    const operations = Array.from({ length: Math.max(this.#length, this.#targets.length) }, (_, index): Operation => {
      const target = this.#targets[index];
      if (target) return { kind: "call", call: makeCall(target.kind, random, target.position) };
      const luck = random(ODDS);
      if (luck === 0 && this.#readKinds.length > 0) return { kind: "together", calls: this.#reads(random) };
      if (luck === 1) return { kind: "transaction", steps: this.#steps(random), isRolledBack: random(4) === 0 };
      return { kind: "call", call: this.#call(random, this.#kinds) };
    });
    return new fc.Value(operations, undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is Operation[] {
    return Array.isArray(value);
  }

  override shrink(value: Operation[]): fc.Stream<fc.Value<Operation[]>> {
    return fc.stream(smaller(value)).map((one) => new fc.Value(one, undefined));
  }

  /** Half of the calls go through a position that is as likely as any other, half are of a kind that is. */
  #call(random: Random, kinds: readonly CallKind[]): Call {
    this.#all ??= this.#kinds.flatMap((kind) => kind.positions.map((position) => ({ kind, position })));
    const target = this.#all[random(this.#all.length)];
    if (kinds === this.#kinds && target && random(2) === 0) return makeCall(target.kind, random, target.position);
    const kind = kinds[random(kinds.length)];
    if (!kind) throw new Error("There are no calls to make");
    const position = random(2) === 0 ? kind.positions[random(kind.positions.length)] : undefined;
    return makeCall(kind, random, position ?? { steps: [] });
  }

  /** Mostly findUniques that differ in their keys alone, which Prisma answers by one statement. */
  #reads(random: Random): Call[] {
    const uniques = this.#readKinds.filter(({ action }) => action === "findUnique");
    const unique = uniques[random(Math.max(1, uniques.length))];
    const others = Array.from({ length: 1 + random(2) }, () => this.#call(random, this.#readKinds));
    if (!unique || random(4) === 0) return others;
    const first = makeCall(unique, random, { steps: [] });
    const alike = Array.from({ length: 1 + random(3) }, (): Call => {
      const { where } = makeCall(unique, random, { steps: [] }).args;
      return { ...first, args: { ...first.args, where } };
    });
    return [first, ...alike, ...others.slice(1)];
  }

  #steps(random: Random): Call[][] {
    return Array.from({ length: 1 + random(3) }, () =>
      random(3) === 0 && this.#readKinds.length > 0 ? this.#reads(random) : [this.#call(random, this.#kinds)],
    );
  }
}

/** Whatever is left of a sequence without one of its parts, the largest parts first. */
function* smaller(operations: readonly Operation[]): Generator<Operation[]> {
  if (operations.length > 1) for (const one of operations) yield [one];
  if (operations.length > 2) {
    const half = Math.ceil(operations.length / 2);
    yield operations.slice(half);
    yield operations.slice(0, half);
  }
  for (const [index, operation] of operations.entries()) {
    const others = (...instead: Operation[]) => operations.toSpliced(index, 1, ...instead);
    if (operations.length > 1) yield others();
    if (operation.kind !== "call") yield others(...callsOf(operation).map((call): Operation => ({ kind: "call", call })));
    for (const one of simpler(operation)) yield others(one);
  }
}

function* simpler(operation: Operation): Generator<Operation> {
  if (operation.kind === "call") {
    for (const call of simplerCalls(operation.call)) yield { kind: "call", call };
  } else if (operation.kind === "together") {
    for (const calls of simplerLists(operation.calls)) if (calls.length > 0) yield { kind: "together", calls };
  } else {
    for (const [index, step] of operation.steps.entries()) {
      if (operation.steps.length > 1) yield { ...operation, steps: operation.steps.toSpliced(index, 1) };
      for (const calls of simplerLists(step)) {
        if (calls.length > 0) yield { ...operation, steps: operation.steps.toSpliced(index, 1, calls) };
      }
    }
  }
}

function* simplerLists(calls: readonly Call[]): Generator<Call[]> {
  for (const [index, call] of calls.entries()) {
    yield calls.toSpliced(index, 1);
    for (const one of simplerCalls(call)) yield calls.toSpliced(index, 1, one);
  }
}

function* simplerCalls(call: Call): Generator<Call> {
  for (const args of without(call.args)) yield { ...call, args: args as Record<string, unknown> };
}

/** Each form of a value that lacks one thing somewhere in it. An order stays, or chance would decide what is read. */
function* without(value: unknown): Generator<unknown> {
  if (Array.isArray(value)) {
    for (const index of value.keys()) yield value.toSpliced(index, 1);
    for (const [index, item] of value.entries()) for (const one of without(item)) yield value.toSpliced(index, 1, one);
  } else if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    const entries = Object.entries(value).filter(([name]) => name !== "orderBy");
    for (const [name] of entries) yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
    for (const [name, inner] of entries) for (const one of without(inner)) yield { ...value, [name]: one };
  }
}
