import {
  type CompactRange,
  equalBytes,
  isRetentionSigned,
  openCheckpoint,
  RETENTION_ACTION,
  type Retention,
  readUnverifiedRetention,
  sealRetention,
} from "../../client-sdk/src/audit/index.ts";
import type { WorkspaceDb, WorkspaceTransaction } from "../db/workspace-db.ts";
import type { AuditLogKeys } from "../isolation/audit-log-keys.ts";
import { newId } from "../shared/ids.ts";
import type { JsonValue } from "../shared/json.ts";
import { appendAndSign, type LogSigning } from "./log-tree.ts";

/** More than a log has months. */
const MAX_RETENTIONS = 1_000;

type ReadableDb = Pick<WorkspaceDb, "auditEvent">;

/** What the log's own keys say that its events no longer kept are, oldest first. */
export async function readRetentions(db: ReadableDb, workspaceId: string, keys: AuditLogKeys): Promise<Retention[]> {
  const found = await findRetentions(db, workspaceId, keys);
  return found.map(({ retention }) => retention);
}

async function findRetentions(db: ReadableDb, workspaceId: string, keys: AuditLogKeys) {
  const rows = await db.auditEvent.findMany({
    where: { action: RETENTION_ACTION },
    select: { id: true, after: true },
    orderBy: { id: "asc" },
    take: MAX_RETENTIONS,
  });
  const found: { eventId: string; retention: Retention }[] = [];
  for (const { id, after } of rows) {
    const read = after && readUnverifiedRetention(workspaceId, after);
    if (read && (await isRetentionSigned(read.note, keys.of(workspaceId))))
      found.push({ eventId: id, retention: read.retention });
  }
  return found;
}

/** What a retention event's content says, which is in the clear; null for any other content. */
export function readRetentionContent(workspaceId: string, content: Uint8Array): JsonValue {
  const retention = readUnverifiedRetention(workspaceId, content)?.retention;
  if (!retention) return null;
  const { places, expiredAt, period, by } = retention;
  return { places: places.map(([from, to]) => ({ firstSeq: from, lastSeq: to - 1 })), expiredAt, period, by };
}

/** Says in the log, at the place behind its tree as it is, that the events of these places are no longer kept. */
export async function appendRetention(
  tx: WorkspaceTransaction,
  signing: LogSigning,
  tree: CompactRange,
  what: Pick<Retention, "places" | "expiredAt" | "period" | "by">,
): Promise<void> {
  const { workspaceId, keys, nowMs } = signing;
  const retention = { ...what, treeSize: tree.to, rootHash: tree.root() };
  const event = {
    id: newId(nowMs),
    occurredAt: new Date(nowMs),
    action: RETENTION_ACTION,
    outcome: "success" as const,
    actorKind: "system",
    actorId: "retention",
    targetKind: "workspace",
    targetId: workspaceId,
    after: await sealRetention(workspaceId, retention, keys.signing),
  };
  await tx.auditEvent.createMany({ data: [event] });
  const absent = { reasonCode: null, rule: null, onBehalfOf: null, method: null, ipAddress: null, requestId: null, before: null };
  await appendAndSign(tx, signing, tree, [{ workspaceId, ...absent, ...event }]);
}

/**
 * Says anew under the newest key what older ones say, so that it holds when those are gone. Only what was said of this
 * very log: a copy that somebody put into another state of it is left behind.
 */
export async function carryRetentionsOver(tx: WorkspaceTransaction, signing: LogSigning, tree: CompactRange): Promise<void> {
  const { workspaceId, keys } = signing;
  const carried = new Set<string>();
  for (const { eventId, retention } of await findRetentions(tx, workspaceId, keys)) {
    const { places, expiredAt, period, by } = retention;
    const statement = JSON.stringify([places, expiredAt, period, by]);
    if (carried.has(statement) || !(await isInPlace(tx, signing, eventId, retention))) continue;
    carried.add(statement);
    await appendRetention(tx, signing, tree, { places, expiredAt, period, by });
  }
}

async function isInPlace(
  tx: WorkspaceTransaction,
  { workspaceId, keys }: LogSigning,
  eventId: string,
  { treeSize, rootHash }: Retention,
): Promise<boolean> {
  const leaf = await tx.auditLeaf.findFirst({ where: { eventId }, select: { seq: true } });
  const row = await tx.auditCheckpoint.findFirst({ where: { treeSize }, select: { note: true } });
  if (!leaf || !row || Number(leaf.seq) !== treeSize) return false;
  const signed = await openCheckpoint(row.note, keys.of(workspaceId)).catch(() => null);
  return signed?.treeSize === treeSize && equalBytes(signed.rootHash, rootHash);
}
