import { consistencyRanges, inclusionRanges, RangeHasher, toBase64 } from "../../client-sdk/src/audit/index.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import { AppError, invalidInput } from "../shared/errors.ts";
import { SealRefusedError } from "./log-tree.ts";

/** Hashes that show a checkpoint's tree to have this event in it, or to have begun as a smaller one. */
export interface LogProof {
  checkpoint: string;
  treeSize: number;
  inclusion: { seq: number; leafHash: string; hashes: string[] } | null;
  consistency: { fromTreeSize: number; hashes: string[] } | null;
}

const LEAVES_PER_PAGE = 5_000;

type ProvenDb = Pick<WorkspaceDb, "auditLog" | "auditCheckpoint" | "auditLeaf">;

/**
 * Proofs against the newest checkpoint, in one pass over the leaves. What is asked for and not sealed yet is sealed first:
 * that it is not is the server's delay, and no mistake of the caller's.
 *
 * @throws AppError NOT_FOUND where there is no such event; BAD_REQUEST where the tree was never that small;
 * SERVICE_UNAVAILABLE where another process is sealing; CONFLICT where the log is damaged, or there is none
 */
export async function proveLog(
  db: ProvenDb,
  query: { auditEventId?: string | undefined; fromTreeSize?: number | undefined },
  seal: () => Promise<void>,
): Promise<LogProof> {
  const { auditEventId, fromTreeSize } = query;
  const leaf = auditEventId === undefined ? null : await findLeaf(db, auditEventId, seal);
  const newest = (await findNewest(db)) ?? (await sealOrRefuse(seal).then(() => findNewest(db)));
  if (!newest) throw new AppError("CONFLICT", "There is no checkpoint of this workspace's audit log that could prove anything");
  const treeSize = Number(newest.treeSize);
  if (fromTreeSize !== undefined && fromTreeSize > treeSize) {
    throw invalidInput([{ path: ["fromTreeSize"], message: `must be at most ${treeSize}, which is the log's size` }]);
  }
  if (leaf && Number(leaf.seq) >= treeSize) {
    throw new AppError("CONFLICT", `No checkpoint is over the log's entry ${leaf.seq}, so nothing proves it; verify the log`);
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

const findNewest = (db: ProvenDb) => db.auditCheckpoint.findFirst({ orderBy: { treeSize: "desc" } });

async function findLeaf(db: ProvenDb, eventId: string, seal: () => Promise<void>) {
  const find = () => db.auditLeaf.findFirst({ where: { eventId } });
  const sealed = await find();
  if (sealed) return sealed;
  if ((await db.auditLog.events([eventId])).length === 0) throw new AppError("NOT_FOUND", "The event does not exist");
  await sealOrRefuse(seal);
  const leaf = await find();
  if (leaf) return leaf;
  throw new AppError("SERVICE_UNAVAILABLE", "The audit trail is being sealed; try again", { retryAfterSeconds: 1 });
}

async function sealOrRefuse(seal: () => Promise<void>): Promise<void> {
  await seal().catch((error: unknown) => {
    if (!(error instanceof SealRefusedError)) throw error;
    throw new AppError("CONFLICT", "The log is not as it was signed, so that nothing is added to it; verify it", {
      cause: error,
    });
  });
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
