import type { WorkspaceDb } from "../db/workspace-db.ts";
import { boundaryProblem } from "./agent-boundary.ts";
import { type BoundaryKeys, signBoundary } from "./boundary.ts";
import type { Violations } from "./violations.ts";

/** How a workspace's batch went. */
export interface ReSigned {
  reSigned: number;
  /** Rows that did not verify, and stay as they are. */
  refused: number;
  /** Where the next batch begins; null where this one was the last. */
  next: string | null;
}

/**
 * Signs the workspace's next rows of an older root secret with the newest one; nothing else of a row changes. A row that
 * does not verify under the secret that it names is reported and never signed, and one that another server got to first
 * is left to it.
 */
export async function reSignBatch(
  { workspaceId, db, keys, violations }: { workspaceId: string; db: WorkspaceDb; keys: BoundaryKeys; violations: Violations },
  after: string | null,
  batchSize: number,
): Promise<ReSigned> {
  const rows = await db.agent.findMany({
    where: { boundaryKeyVersion: { not: keys.current.version }, ...(after !== null && { id: { gt: after } }) },
    select: { id: true, createdAt: true, boundary: true, boundaryKeyVersion: true },
    orderBy: { id: "asc" },
    take: batchSize,
  });
  const authentic = rows.filter((row) => {
    const reasonCode = boundaryProblem(workspaceId, keys, row);
    if (reasonCode === null) return true;
    violations.report({ workspaceId, target: { kind: "agent", id: row.id }, reasonCode, reader: null });
    return false;
  });
  let reSigned = 0;
  if (authentic.length > 0) {
    await db.transaction(async (tx) => {
      for (const { id, createdAt, boundary, boundaryKeyVersion } of authentic) {
        const { count } = await tx.agent.updateMany({
          // As it was verified: a row that changed since is not vouched for.
          where: { id, createdAt, boundary, boundaryKeyVersion },
          data: signBoundary(keys, { kind: "agent", workspaceId, id, createdAt }),
        });
        reSigned += count;
      }
    });
  }
  const next = rows.length === batchSize ? (rows.at(-1)?.id ?? null) : null;
  return { reSigned, refused: rows.length - authentic.length, next };
}
