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
import type { WorkspaceDb, WorkspaceTransaction } from "../db/workspace-db.ts";
import type { AuditLogKeys } from "../isolation/audit-log-keys.ts";
import { newId } from "../shared/ids.ts";
import { toAuditLeaf } from "./sealed-leaf.ts";

export interface SealOptions {
  workspaceId: string;
  keys: AuditLogKeys;
  nowMs: number;
  /** Only events with a higher id. */
  afterId: string;
  take: number;
  /** What this process signed last, which the log must still have. */
  known: Checkpoint | undefined;
}

export interface SealedBatch {
  count: number;
  lastId: string | null;
  /** The log as it was signed last; undefined where it is empty. */
  checkpoint: Checkpoint | undefined;
}

/** A log that must not be continued: what it would continue is not what was signed. */
export class SealRefusedError extends Error {
  override name = "SealRefusedError";
}

/**
 * Appends leaves for events that have none, and signs the tree as it then is, in one transaction; or resolves to null
 * where another one is sealing this workspace. The tree grows from what the newest checkpoint signed, not from the leaves:
 * where those were changed meanwhile, that stays visible.
 *
 * @throws SealRefusedError where the newest checkpoint is not one of ours, or older than one this process signed
 */
export function sealBatch(db: WorkspaceDb, options: SealOptions): Promise<SealedBatch | null> {
  const { workspaceId, keys, nowMs, afterId, take } = options;
  return db.transaction(async (tx) => {
    if (!(await tx.tryLock(["audit seal"]))) return null;
    const newest = await restoreTree(tx, options);
    const { tree } = newest;
    let events = await tx.unsealedAuditEvents({ afterId, take });
    if (events.length === 0 && newest.isUnderOlderKey) {
      await recordKeyChange(tx, workspaceId, nowMs);
      events = await tx.unsealedAuditEvents({ afterId, take });
    }
    if (events.length === 0) return { count: 0, lastId: null, checkpoint: newest.checkpoint };
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
    return { count: events.length, lastId: events.at(-1)?.id ?? null, checkpoint };
  });
}

/** A log that nobody adds to would stay under the older key, and could not be verified any more once that is gone. */
async function recordKeyChange(tx: WorkspaceTransaction, workspaceId: string, nowMs: number): Promise<void> {
  await tx.auditEvent.createMany({
    data: [
      {
        id: newId(nowMs),
        occurredAt: new Date(nowMs),
        action: "audit.key_change",
        outcome: "success",
        actorKind: "system",
        targetKind: "workspace",
        targetId: workspaceId,
      },
    ],
  });
}

interface RestoredTree {
  tree: CompactRange;
  checkpoint: Checkpoint | undefined;
  isUnderOlderKey: boolean;
}

async function restoreTree(tx: WorkspaceTransaction, { workspaceId, keys, known }: SealOptions): Promise<RestoredTree> {
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
