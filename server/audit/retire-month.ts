import { setTimeout as sleep } from "node:timers/promises";
import {
  auditLeafHash,
  equalBytes,
  type LeafRange,
  MAX_RETENTION_RANGES,
  PlaceRanges,
} from "../../client-sdk/src/audit/index.ts";
import { type AuditEventRow, LOWEST_ID } from "../db/audit-log.ts";
import type { Binding } from "../db/binding.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { AuditLogKeys } from "../isolation/audit-log-keys.ts";
import type { Clock } from "../shared/clock.ts";
import { restoreTree } from "./log-tree.ts";
import { appendRetention, readRetentions } from "./retentions.ts";
import { sealBatch } from "./seal-batch.ts";
import { toAuditLeaf } from "./sealed-leaf.ts";

/** A month whose events must stay: what they prove would be gone with them. */
export class RetentionRefusedError extends Error {
  override name = "RetentionRefusedError";
}

export interface RetiringOptions {
  openWorkspace(binding: Binding): WorkspaceDb;
  keys: AuditLogKeys;
  clock: Clock;
  /** Who has the events dropped. */
  by: string;
}

/** Events by their ids, the upper bound excluded; nothing is added to them any more. */
export interface RetiredMonth {
  from: string;
  to: string;
  /** As 2026-01. */
  period: string;
}

const EVENTS_PER_PAGE = 1_000;
const LOCK_ATTEMPTS = 150;
const LOCK_PAUSE_MS = 200;

/**
 * The workspace's log says of every event of the month that it is no longer kept, under its key: they can go. What is not
 * sealed yet is sealed first. Called again, it says nothing twice.
 *
 * @throws RetentionRefusedError where an event is not sealed or is not what was sealed; SealRefusedError where the log
 * must not be continued
 */
export async function retireMonth(options: RetiringOptions, workspaceId: string, month: RetiredMonth): Promise<void> {
  const { openWorkspace, keys } = options;
  const db = openWorkspace(systemBinding(workspaceId, "audit retention"));
  await sealAll(db, options, workspaceId);
  const places = await placesOf(db, workspaceId, month);
  for (const said of await readRetentions(db, workspaceId, keys)) places.remove(new PlaceRanges(said.places));
  for (let start = 0; start < places.ranges.length; start += MAX_RETENTION_RANGES) {
    const some = places.ranges.slice(start, start + MAX_RETENTION_RANGES);
    await inTurn(workspaceId, () => retirePlaces(db, options, workspaceId, month.period, some));
  }
}

async function sealAll(db: WorkspaceDb, { keys, clock }: RetiringOptions, workspaceId: string): Promise<void> {
  const seal = (afterId: string) =>
    sealBatch(db, { workspaceId, keys, nowMs: clock.now(), afterId, take: EVENTS_PER_PAGE, known: undefined });
  for (let afterId: string | null = LOWEST_ID; afterId !== null; ) {
    const last: string = afterId;
    const batch = await inTurn(workspaceId, () => seal(last));
    afterId = batch.count === EVENTS_PER_PAGE ? batch.lastId : null;
  }
}

/** Where the month's events stand in the log. */
async function placesOf(db: WorkspaceDb, workspaceId: string, { from, to, period }: RetiredMonth): Promise<PlaceRanges> {
  const found: LeafRange[] = [];
  const { treeSize } = await db.auditLog.state();
  for (let after: string | null = null; ; ) {
    const events: AuditEventRow[] = await db.auditEvent.findMany({
      where: { id: { ...(after === null ? { gte: from } : { gt: after }), lt: to } },
      orderBy: { id: "asc" },
      take: EVENTS_PER_PAGE,
    });
    const leaves = await db.auditLeaf.findMany({ where: { eventId: { in: events.map(({ id }) => id) } } });
    const byEvent = new Map(leaves.map((leaf) => [leaf.eventId, leaf]));
    const refuse = (id: string, why: string) =>
      new RetentionRefusedError(`The event ${id} of ${period} in the workspace "${workspaceId}" ${why}; verify its log`);
    for (const event of events) {
      const leaf = byEvent.get(event.id);
      const seq = Number(leaf?.seq);
      if (!leaf || seq >= treeSize) throw refuse(event.id, "is not sealed");
      if (!equalBytes(auditLeafHash(toAuditLeaf(event)), leaf.leafHash)) throw refuse(event.id, "is not what was sealed");
      const last = found.at(-1);
      if (last?.[1] === seq) found[found.length - 1] = [last[0], seq + 1];
      else found.push([seq, seq + 1]);
    }
    if (events.length < EVENTS_PER_PAGE) return new PlaceRanges(found);
    after = events.at(-1)?.id ?? null;
  }
}

/** Null where another process is sealing. */
async function retirePlaces(
  db: WorkspaceDb,
  { keys, clock, by }: RetiringOptions,
  workspaceId: string,
  period: string,
  places: readonly LeafRange[],
): Promise<true | null> {
  const nowMs = clock.now();
  return db.transaction(async (tx) => {
    if (!(await tx.tryLock(["audit seal"]))) return null;
    const { tree } = await restoreTree(tx, { workspaceId, keys, known: undefined });
    const what = { places, period, by, expiredAt: new Date(nowMs).toISOString() };
    await appendRetention(tx, { workspaceId, keys, nowMs }, tree, what);
    return true;
  });
}

/** What `work` does once no other process has the log in hand. */
async function inTurn<Result>(workspaceId: string, work: () => Promise<Result | null>): Promise<Result> {
  for (let attempt = 1; attempt <= LOCK_ATTEMPTS; attempt++) {
    const result = await work();
    if (result !== null) return result;
    await sleep(LOCK_PAUSE_MS);
  }
  throw new RetentionRefusedError(`The log of the workspace "${workspaceId}" was being sealed all the time; try again`);
}
