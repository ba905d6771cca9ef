import {
  auditLeafHash,
  auditOrigin,
  type Checkpoint,
  CompactRange,
  equalBytes,
  HASH_BYTES,
  openCheckpoint,
  signCheckpoint,
} from "../../client-sdk/src/audit/index.ts";
import type { AuditEventRow } from "../db/audit-log.ts";
import type { WorkspaceTransaction } from "../db/workspace-db.ts";
import type { AuditLogKeys } from "../isolation/audit-log-keys.ts";
import { toAuditLeaf } from "./sealed-leaf.ts";

/** A log that must not be continued: what it would continue is not what was signed. */
export class SealRefusedError extends Error {
  override name = "SealRefusedError";
}

/** Whose log it is, and who signs it when. */
export interface LogSigning {
  workspaceId: string;
  keys: AuditLogKeys;
  nowMs: number;
}

/** Appends events to the log, and signs the tree as it then is. Whoever calls it holds the lock of the log. */
export async function appendAndSign(
  tx: WorkspaceTransaction,
  { workspaceId, keys, nowMs }: LogSigning,
  tree: CompactRange,
  events: readonly AuditEventRow[],
): Promise<Checkpoint> {
  const leaves = events.map((event) => ({ eventId: event.id, leafHash: auditLeafHash(toAuditLeaf(event)) }));
  const from = tree.to;
  for (const { leafHash } of leaves) tree.append(leafHash);
  const checkpoint = { origin: auditOrigin(workspaceId), treeSize: tree.to, rootHash: tree.root() };
  await tx.appendAuditLeaves(from, leaves);
  await tx.auditCheckpoint.createMany({
    data: [
      {
        treeSize: BigInt(tree.to),
        rootHash: checkpoint.rootHash,
        subtreeHashes: Buffer.concat(tree.hashes),
        note: await signCheckpoint(checkpoint, keys.signing),
        createdAt: new Date(nowMs),
      },
    ],
  });
  return checkpoint;
}

export interface RestoredTree {
  tree: CompactRange;
  checkpoint: Checkpoint | undefined;
  isUnderOlderKey: boolean;
}

/**
 * The tree as it was signed last. It grows from that, not from the leaves: where those were changed meanwhile, that stays
 * visible.
 *
 * @throws SealRefusedError where the newest checkpoint is not one of ours, or does not continue `known`
 */
export async function restoreTree(
  tx: WorkspaceTransaction,
  { workspaceId, keys, known }: Pick<LogSigning, "workspaceId" | "keys"> & { known: Checkpoint | undefined },
): Promise<RestoredTree> {
  const row = await tx.auditCheckpoint.findFirst({ orderBy: { treeSize: "desc" } });
  const trusted = keys.of(workspaceId);
  const checkpoint = row ? await openCheckpoint(row.note, trusted).catch(refuse) : undefined;
  const tree = restore(checkpoint, row?.subtreeHashes ?? new Uint8Array());
  if (known) await assertContinues(tx, tree, known);
  const isUnderNewest = row && (await openCheckpoint(row.note, trusted.slice(0, 1)).catch(() => null));
  return { tree, checkpoint, isUnderOlderKey: row !== null && isUnderNewest === null };
}

/** A log that was cut back, and that another process has let grow past its old size since, lacks the checkpoint of that size. */
async function assertContinues(tx: WorkspaceTransaction, tree: CompactRange, known: Checkpoint): Promise<void> {
  const { treeSize, rootHash } = known;
  if (tree.to < treeSize) refuse(new Error(`a tree of ${treeSize} entries was signed, and it says ${tree.to}`));
  const root =
    tree.to === treeSize
      ? tree.root()
      : (await tx.auditCheckpoint.findFirst({ where: { treeSize: BigInt(treeSize) } }))?.rootHash;
  if (root && equalBytes(root, rootHash)) return;
  refuse(new Error(`another tree of ${treeSize} entries was signed than the one it is said to have grown from`));
}

function restore(checkpoint: Checkpoint | undefined, subtreeHashes: Uint8Array): CompactRange {
  if (!checkpoint) return new CompactRange();
  const hashes = Array.from({ length: Math.ceil(subtreeHashes.length / HASH_BYTES) }, (_, index) =>
    subtreeHashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  );
  try {
    const tree = CompactRange.restore(0, checkpoint.treeSize, hashes);
    if (equalBytes(tree.root(), checkpoint.rootHash)) return tree;
  } catch (error) {
    refuse(error);
  }
  return refuse(new Error("its subtrees have another root"));
}

function refuse(reason: unknown): never {
  const why = reason instanceof Error ? reason.message : String(reason);
  throw new SealRefusedError(`The newest checkpoint is not to be continued: ${why}`, { cause: reason });
}
