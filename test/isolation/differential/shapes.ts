/** A whole number from 0 up to, not including, `below`. */
export type Random = (below: number) => number;

/** A part of a call's arguments: every form that it can have. */
export type Shape =
  | { kind: "value"; make(random: Random): unknown; isUnordered?: boolean }
  /** An object with all that is required and some of the rest. Where it reads a list and has no orderBy, its rows come in any order. */
  | { kind: "object"; parts: readonly Part[]; picks: readonly [number, number]; isListRead?: boolean }
  /** Several, then always the `tail`. */
  | { kind: "list"; of: Shape; sizes: readonly [number, number]; tail?: readonly unknown[] }
  | { kind: "choice"; of: readonly Shape[] };

export interface Part {
  name: string;
  shape: Shape;
  /** Whether the name is a position, of which it is counted how often calls have it; a column is none. */
  isPosition?: boolean;
  isRequired?: boolean;
  /** How often it is picked, against 1 for another; 0 is only where it is aimed at. */
  weight?: number;
  excludes?: readonly string[];
  needs?: readonly string[];
}

/** A place in the arguments of a call, and how to get there. */
export interface Position {
  label: string;
  steps: readonly string[];
}

/** Every position in a shape. */
export function positionsIn(shape: Shape, label: string): Position[] {
  const found = new Map<string, Position>([[label, { label, steps: [] }]]);
  walk(shape, label, [], found);
  return [...found.values()];
}

function walk(shape: Shape, label: string, steps: readonly string[], found: Map<string, Position>): void {
  if (shape.kind === "list") walk(shape.of, label, steps, found);
  if (shape.kind === "choice") {
    for (const [index, one] of shape.of.entries()) walk(one, label, [...steps, `~${index}`], found);
  }
  if (shape.kind !== "object") return;
  for (const part of shape.parts.filter(({ isPosition }) => isPosition)) {
    const here = { label: `${label}.${part.name}`, steps: [...steps, part.name] };
    if (!found.has(here.label)) found.set(here.label, here);
    walk(part.shape, here.label, here.steps, found);
  }
}

export interface Made {
  value: unknown;
  /** The positions that it has. */
  labels: string[];
  /** Whether some rows of the answer come in no order that the call says. */
  isUnordered: boolean;
}

/** One form of a shape, with the position among its parts that `steps` lead to. */
export function make(shape: Shape, random: Random, label: string, steps: readonly string[]): Made {
  const made: Made = { value: undefined, labels: [label], isUnordered: false };
  made.value = fill(shape, random, label, steps, made);
  return made;
}

function fill(shape: Shape, random: Random, label: string, steps: readonly string[], made: Made): unknown {
  switch (shape.kind) {
    case "value":
      if (shape.isUnordered) made.isUnordered = true;
      return shape.make(random);
    case "list": {
      const [least, most] = shape.sizes;
      const size = Math.max(least + random(most - least + 1), steps.length > 0 ? 1 : 0);
      const items = Array.from({ length: size }, (_, index) => fill(shape.of, random, label, index === 0 ? steps : [], made));
      return [...items, ...(shape.tail ?? [])];
    }
    case "choice": {
      const [step, ...rest] = steps;
      const index = step?.startsWith("~") ? Number(step.slice(1)) : random(shape.of.length);
      const chosen = shape.of[index];
      if (!chosen) throw new Error(`There is no choice ${index} at ${label}`);
      return fill(chosen, random, label, step?.startsWith("~") ? rest : steps, made);
    }
    case "object": {
      const [step, ...rest] = steps;
      const chosen = choose(shape, random, step);
      const value = Object.fromEntries(
        [...chosen].map((part) => {
          const here = part.isPosition ? `${label}.${part.name}` : label;
          if (part.isPosition) made.labels.push(here);
          return [part.name.replace(/^!/, ""), fill(part.shape, random, here, part.name === step ? rest : [], made)];
        }),
      );
      if (shape.isListRead && value["orderBy"] === undefined) made.isUnordered = true;
      return value;
    }
  }
}

function choose(shape: Shape & { kind: "object" }, random: Random, aimedAt: string | undefined): Set<Part> {
  const chosen = new Set<Part>();
  const isFree = (part: Part) =>
    !chosen.has(part) &&
    [...chosen].every((other) => !other.excludes?.includes(part.name) && !part.excludes?.includes(other.name));
  const add = (part: Part) => {
    chosen.add(part);
    for (const name of part.needs ?? []) {
      const needed = shape.parts.find((other) => other.name === name);
      if (needed && !chosen.has(needed)) add(needed);
    }
  };
  if (aimedAt !== undefined) {
    const aim = shape.parts.find(({ name }) => name === aimedAt);
    if (!aim) throw new Error(`There is no "${aimedAt}" among ${shape.parts.map(({ name }) => name).join(", ")}`);
    add(aim);
  }
  const [least, most] = shape.picks;
  const already = [...chosen].filter(({ isRequired }) => !isRequired).length;
  for (let left = least + random(most - least + 1) - already; left > 0; left--) {
    const free = shape.parts.filter((part) => !part.isRequired && (part.weight ?? 1) > 0 && isFree(part));
    const total = free.reduce((sum, { weight = 1 }) => sum + weight, 0);
    let at = random(1_000_000) / 1_000_000;
    const picked = free.find(({ weight = 1 }) => {
      at -= weight / total;
      return at < 0;
    });
    if (picked) add(picked);
  }
  // What is required may be said in another way that was chosen.
  for (const part of shape.parts) if (part.isRequired && isFree(part)) add(part);
  return chosen;
}
