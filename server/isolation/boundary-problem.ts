import { type BoundaryKeys, type SignedKind, verifyBoundary } from "./boundary.ts";

/** Why a row does not count as one of its workspace's. */
export type BoundaryProblem = "BOUNDARY_MISMATCH" | "UNKNOWN_KEY_VERSION";

/** What of a row its boundary is verified by. */
export interface SignedRow {
  id: string;
  createdAt: Date;
  boundary: string;
  boundaryKeyVersion: number;
}

/** Why the row does not count as one of that kind that was made in the workspace; null where it does. */
export function boundaryProblem(
  kind: SignedKind,
  workspaceId: string,
  keys: BoundaryKeys,
  row: SignedRow,
): BoundaryProblem | null {
  if (!keys.byVersion.has(row.boundaryKeyVersion)) return "UNKNOWN_KEY_VERSION";
  const subject = { kind, workspaceId, id: row.id, createdAt: row.createdAt };
  return verifyBoundary(keys, subject, row) ? null : "BOUNDARY_MISMATCH";
}
