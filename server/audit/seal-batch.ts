import type { Checkpoint } from "../../client-sdk/src/audit/index.ts";
import type { WorkspaceDb, WorkspaceTransaction } from "../db/workspace-db.ts";
import type { AuditLogKeys } from "../isolation/audit-log-keys.ts";
import { newId } from "../shared/ids.ts";
import { appendAndSign, restoreTree } from "./log-tree.ts";
import { carryRetentionsOver } from "./retentions.ts";

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

/**
 * Appends leaves for events that have none, and signs the tree as it then is, in one transaction; or resolves to null
 * where another one is sealing this workspace.
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
    if (newest.isUnderOlderKey) await carryRetentionsOver(tx, { workspaceId, keys, nowMs }, tree);
    const checkpoint = await appendAndSign(tx, { workspaceId, keys, nowMs }, tree, events);
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
