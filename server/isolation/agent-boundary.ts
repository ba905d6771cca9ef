import type { AgentRow } from "../db/agent-page.ts";
import { type BoundaryKeys, verifyBoundary } from "./boundary.ts";

/** Why a row does not count as one of its workspace's. */
export type BoundaryProblem = "BOUNDARY_MISMATCH" | "UNKNOWN_KEY_VERSION";

/** What of an agent's row its boundary is verified by. */
export type SignedAgent = Pick<AgentRow, "id" | "createdAt" | "boundary" | "boundaryKeyVersion">;

/** Why the row does not count as an agent that was made in the workspace; null where it does. */
export function boundaryProblem(workspaceId: string, keys: BoundaryKeys, row: SignedAgent): BoundaryProblem | null {
  if (!keys.byVersion.has(row.boundaryKeyVersion)) return "UNKNOWN_KEY_VERSION";
  const subject = { kind: "agent", workspaceId, id: row.id, createdAt: row.createdAt } as const;
  return verifyBoundary(keys, subject, row) ? null : "BOUNDARY_MISMATCH";
}
