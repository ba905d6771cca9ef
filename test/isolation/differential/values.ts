import type { Field } from "./schema.ts";

/** The workspace as which all calls are made, and those that no call may see or change. */
export const ME = "a";
export const OTHERS = ["b", "c"];
export const WORKSPACES = [ME, ...OTHERS];

/**
 * What columns hold, and what calls speak of: few values, the same in every workspace, so that nothing but the workspace
 * tells rows apart. The last of each is had by the other workspaces alone at first. Floats are such that sums of them
 * are exact in any order.
 */
const POOLS: Readonly<Record<string, readonly unknown[]>> = {
  Uuid: [1, 2, 3, 4].map((n) => `01890000-0000-7000-8000-00000000000${n}`),
  String: ["alpha", "beta", "gamma", "zeta"],
  Int: [1, 2, 3, 9],
  BigInt: [1n, 2n, 3n, 9n],
  Float: [0.25, 0.5, 1, 1.5],
  Boolean: [false, true],
  DateTime: [1, 2, 3, 9].map((day) => new Date(`2026-01-0${day}T00:00:00Z`)),
  Json: [{}, { rank: 1 }, { rank: 9 }],
  Bytes: [1, 2, 9].map((byte) => new Uint8Array(32).fill(byte)),
};

/** The values of a field. @throws for a type that has none yet, saying where to add them. */
export function poolOf(field: Field): readonly unknown[] {
  // Half of the calls that name a workspace name their own, or few would come to anything.
  if (field.isWorkspace) return [ME, ...WORKSPACES];
  const pool = field.values ?? POOLS[field.isUuid ? "Uuid" : field.type];
  if (!pool)
    throw new Error(`There are no values for "${field.name}" of type ${field.type}: add some to POOLS in ${import.meta.url}`);
  return field.isList ? [[], pool.slice(0, 1), pool.slice(0, 2)] : pool;
}

export const isNumeric = ({ type, isList }: Field) => !isList && ["Int", "BigInt", "Float", "Decimal"].includes(type);
/** Of a type that has a smallest and a largest. */
export const isOrdered = (field: Field) => isNumeric(field) || (!field.isList && ["DateTime", "String"].includes(field.type));
