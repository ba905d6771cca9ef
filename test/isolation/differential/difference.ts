import { type Call, labelsOf } from "./calls.ts";
import { callsOf, type Operation } from "./operations.ts";
import type { Caller, World } from "./world.ts";

/** What was tried so far, and what came of it. */
export class Tally {
  readonly hits = new Map<string, number>();
  /** The positions of which some call was answered with a value. */
  readonly answered = new Set<string>();
  calls = 0;
  values = 0;

  count(call: Call, isValue: boolean): void {
    this.calls++;
    if (isValue) this.values++;
    for (const label of labelsOf(call)) {
      this.hits.set(label, (this.hits.get(label) ?? 0) + 1);
      if (isValue) this.answered.add(label);
    }
  }
}

/**
 * Makes the same calls in a database with other workspaces and in one without: the first difference, or null. They must
 * be answered alike, leave the rows of their workspace alike, and all others as they were.
 */
export async function difference(
  full: World,
  alone: World,
  operations: readonly Operation[],
  tally?: Tally,
): Promise<string | null> {
  const found = await compare(full, alone, operations, tally);
  if (found !== null) await Promise.all([full.snapshot.restore("all"), alone.snapshot.restore("all")]);
  return found;
}

async function compare(full: World, alone: World, operations: readonly Operation[], tally?: Tally): Promise<string | null> {
  const before = await Promise.all([initial(full), initial(alone)]);
  for (const operation of operations) {
    const [seen, expected] = await Promise.all([outcomes(full, operation), outcomes(alone, operation)]);
    for (const [index, call] of callsOf(operation).entries()) tally?.count(call, seen[index]?.startsWith("value") === true);
    const odd = seen.findIndex((outcome, index) => outcome !== expected[index]);
    if (odd >= 0) return `${JSON.stringify(operation, bigintAsText)}\n  saw ${seen[odd]}\n  alone it is ${expected[odd]}`;
  }
  const after = await Promise.all([full.snapshot.contents(), alone.snapshot.contents()]);
  if (after.some(({ others }, index) => others !== before[index]?.others)) return "Something outside the workspace was changed";
  if (after.some(({ crossings }) => crossings > 0)) return "There is a reference out of its workspace";
  if (after[0].mine !== after[1].mine) return "The workspace's rows were left otherwise than they are alone";
  if (after[0].mine !== before[0].mine) await Promise.all([full.snapshot.restore("mine"), alone.snapshot.restore("mine")]);
  return null;
}

const initials = new WeakMap<World, Awaited<ReturnType<World["snapshot"]["contents"]>>>();

async function initial(world: World) {
  const known = initials.get(world) ?? (await world.snapshot.contents());
  initials.set(world, known);
  return known;
}

/** What each call of an operation came to, and then the operation as a whole. */
async function outcomes(world: World, operation: Operation): Promise<string[]> {
  switch (operation.kind) {
    case "call":
      return [await outcome(world, operation.call)];
    case "together": {
      // What another workspace asks in the same tick must neither be answered by this one's statement nor change it.
      const neighbours = operation.calls.map((call) => world.asNeighbour?.(call).catch(() => undefined));
      const seen = await together(world, operation.calls);
      await Promise.all(neighbours);
      return seen;
    }
    case "transaction": {
      const seen: string[] = [];
      const end = await settle(
        () =>
          world.transaction(async (tx) => {
            for (const step of operation.steps) seen.push(...(await together(tx, step)));
            if (operation.isRolledBack) throw new Error("rolled back");
          }),
        false,
      );
      return [...seen, end];
    }
  }
}

function together(caller: Pick<Caller, "call">, calls: readonly Call[]): Promise<string[]> {
  return Promise.all(calls.map((call) => outcome(caller, call)));
}

function outcome(caller: Pick<Caller, "call">, call: Call): Promise<string> {
  return settle(() => caller.call(call), call.isUnordered);
}

/** A result as its caller sees it: the value, or all that an error says. */
async function settle(work: () => Promise<unknown>, isUnordered: boolean): Promise<string> {
  try {
    const value = await work();
    return `value ${JSON.stringify(isUnordered ? inAnyOrder(value) : value, bigintAsText)}`;
  } catch (error) {
    const { name, code, message, meta } = error as Error & { code?: string; meta?: unknown };
    // A panic prints a piece of a log whose length is left to chance.
    const said = name === "PrismaClientRustPanicError" ? /panicked at .*/.exec(message)?.[0] : message;
    // Of several rows that break a rule PostgreSQL shows the one that it came to first.
    const details = JSON.stringify(meta, bigintAsText)?.replace(/Failing row contains (?:[^"\\]|\\.)*/g, "Failing row") ?? "";
    return `error ${name} ${code ?? ""} ${said} ${details}`;
  }
}

function inAnyOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => JSON.stringify(inAnyOrder(one), bigintAsText)).sort();
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, inAnyOrder(inner)]));
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}
