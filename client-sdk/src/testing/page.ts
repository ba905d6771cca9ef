import type { WorkspaceCall } from "./enter.ts";
import type { Keyset } from "./server-rules.ts";

type CursorKind = "time" | "integer" | "text" | "text and Sim's id";

/** How a list is ordered and where its pages end. */
export interface Listing<Row> {
  /** What a cursor is bound to: the workspace, the filters and the order, and not the limit. */
  query: unknown;
  limit: number;
  cursor: string | undefined;
  kind: CursorKind;
  keysetOf(row: Row): Keyset;
  /** Negative where the first goes before the second. */
  compare(one: Keyset, other: Keyset): number;
}

/**
 * One page of the rows.
 *
 * @throws BAD_REQUEST where the cursor was made for another list
 */
export function pageOf<Row>(
  { state, workspaceId }: WorkspaceCall,
  rows: Iterable<Row>,
  { query, limit, cursor, kind, keysetOf, compare }: Listing<Row>,
): { data: Row[]; nextCursor: string | null; isolation: { workspaceId: string; verified: true } } {
  const { rules } = state;
  const after = cursor === undefined ? undefined : rules.decodeCursor(query, cursor, kind);
  const sorted = [...rows].sort((one, other) => compare(keysetOf(one), keysetOf(other)));
  const left = after ? sorted.filter((row) => compare(keysetOf(row), after) > 0) : sorted;
  const data = left.slice(0, limit);
  const last = data.at(-1);
  return {
    data,
    nextCursor: left.length > limit && last !== undefined ? rules.encodeCursor(query, keysetOf(last)) : null,
    isolation: { workspaceId, verified: true },
  };
}

/** By the value and then by the id, both in one direction. */
export function byValue(order: "asc" | "desc"): (one: Keyset, other: Keyset) => number {
  const sign = order === "asc" ? 1 : -1;
  return (one, other) => sign * (compareText(one.value, other.value) || compareText(one.id, other.id));
}

/** By code points, as a database in the C locale does; JavaScript's own comparison is by UTF-16 units. */
export function compareText(one: string, other: string): number {
  if (one === other) return 0;
  const others = other[Symbol.iterator]();
  for (const character of one) {
    const { value } = others.next();
    if (value === undefined) return 1;
    const difference = (character.codePointAt(0) ?? 0) - (value.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return -1;
}
