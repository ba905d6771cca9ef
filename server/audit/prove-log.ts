import { consistencyRanges, inclusionRanges, RangeHasher, toBase64 } from "../../client-sdk/src/audit/index.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import { AppError, invalidInput } from "../shared/errors.ts";

/** Hashes that show a checkpoint's tree to have this event in it, or to have begun as a smaller one. */
export interface LogProof {
  checkpoint: string;
  treeSize: number;
  inclusion: { seq: number; leafHash: string; hashes: string[] } | null;
  consistency: { fromTreeSize: number; hashes: string[] } | null;
}

const LEAVES_PER_PAGE = 5_000;

/**
 * Proofs against the newest checkpoint, in one pass over the leaves.
 *
 * @throws AppError NOT_FOUND where there is no checkpoint, or the event is not in it; BAD_REQUEST where the tree was
 * never that small; CONFLICT where leaves are gone
 */
export async function proveLog(
  db: Pick<WorkspaceDb, "auditLog" | "auditCheckpoint" | "auditLeaf">,
  query: { auditEventId?: string | undefined; fromTreeSize?: number | undefined },
): Promise<LogProof> {
  const { auditEventId: eventId, fromTreeSize } = query;
  const newest = await db.auditCheckpoint.findFirst({ orderBy: { treeSize: "desc" } });
  if (!newest) throw new AppError("NOT_FOUND", "Nothing of this workspace's audit trail is sealed yet");
  const treeSize = Number(newest.treeSize);
  if (fromTreeSize !== undefined && fromTreeSize > treeSize) {
    throw invalidInput([{ path: ["fromTreeSize"], message: `must be at most ${treeSize}, which is the log's size` }]);
  }
  const leaf = eventId === undefined ? null : await db.auditLeaf.findFirst({ where: { eventId } });
  if (eventId !== undefined && (!leaf || Number(leaf.seq) >= treeSize)) {
    throw new AppError("NOT_FOUND", "The event does not exist, or is not sealed yet");
  }
  const inclusion = new RangeHasher(leaf ? inclusionRanges(Number(leaf.seq), treeSize) : []);
  const consistency = new RangeHasher(fromTreeSize === undefined ? [] : consistencyRanges(fromTreeSize, treeSize));
  await readLeaves(db, treeSize, (seq, hash) => {
    inclusion.add(seq, hash);
    consistency.add(seq, hash);
  });
  return {
    checkpoint: newest.note,
    treeSize,
    inclusion: leaf && {
      seq: Number(leaf.seq),
      leafHash: toBase64(leaf.leafHash),
      hashes: inclusion.hashes().map(toBase64),
    },
    consistency: fromTreeSize === undefined ? null : { fromTreeSize, hashes: consistency.hashes().map(toBase64) },
  };
}

async function readLeaves(
  db: Pick<WorkspaceDb, "auditLog">,
  treeSize: number,
  take: (seq: number, hash: Uint8Array) => void,
): Promise<void> {
  for (let next = 0; next < treeSize; ) {
    const leaves = await db.auditLog.leaves({ from: next, to: treeSize, take: LEAVES_PER_PAGE });
    for (const { seq, leafHash } of leaves) {
      if (seq !== next) break;
      take(seq, leafHash);
      next++;
    }
    if (leaves.at(-1)?.seq !== next - 1) {
      throw new AppError("CONFLICT", `The log lacks its entry ${next}, so it proves nothing; verify it`);
    }
  }
}
