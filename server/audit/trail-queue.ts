import type { Binding } from "../db/binding.ts";
import { existingWorkspaces } from "../db/each-workspace.ts";
import { areValuesMalformed } from "../db/errors.ts";
import type { SimReader } from "../db/sim-reader.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { WorkspaceKeys } from "../isolation/workspace-keys.ts";
import { eventTypeOf } from "../outbox/event-types.ts";
import { publishEvent } from "../outbox/publish-event.ts";
import type { Clock } from "../shared/clock.ts";
import { newId } from "../shared/ids.ts";
import type { Logger } from "../shared/logger.ts";
import { encryptContent } from "./content-cipher.ts";
import type { Spool } from "./spool.ts";
import { createSpooledQueue, type SpooledQueue } from "./spooled-queue.ts";

/** An event that no transaction of the caller's can carry, since the caller is refused. */
export interface QueuedEvent {
  workspaceId: string;
  action: string;
  reasonCode: string;
  rule: string | null;
  actorKind: string;
  actorId: string | null;
  onBehalfOf: string | null;
  method: string | null;
  target: { kind: string; id: string };
  ipAddress: string | null;
  requestId: string | null;
  /** How many attempts it stands for, beyond those that are folded into it here. */
  attempts?: number;
}

export interface TrailQueueCounters {
  /** Events that came in, and rows that were written for those whose workspace exists. */
  recorded: number;
  written: number;
  /** Events that the spool or the database refused, and damaged files, each as one; its only good value is 0. */
  lost: number;
}

export interface TrailQueue {
  readonly counters: Readonly<TrailQueueCounters>;
  /**
   * The event outlives this process when this returns, and is in the trail within a second. Takes as long for a workspace
   * that is not there.
   */
  add(event: QueuedEvent): void;
  /** All that was added before is written. Rejects where the database cannot; the events stay spooled. */
  flush(): Promise<void>;
  /** What is not written yet: its bytes, and since when at the latest the oldest of it waits. */
  waiting: SpooledQueue["waiting"];
  /** Writes what is left, as far as the database lets it within a few seconds; the rest stays spooled for the next start. */
  close(): Promise<void>;
}

/** So many different events of one actor are told apart in one file; further ones are counted without their target. */
const MAX_EVENTS_PER_ACTOR = 20;

interface Entry {
  event: QueuedEvent;
  id: string;
  firstMs: number;
  lastMs: number;
  /** How many attempts it stands for. */
  attempts: number;
}

/**
 * Writes the events of refused calls into the trails of their workspaces, outside of any caller's time and transaction.
 * Like events of one actor become one row with a count. A workspace that does not exist has no trail: its events end here.
 */
export function createTrailQueue(options: {
  spool: Spool;
  openWorkspace(binding: Binding): WorkspaceDb;
  workspaceKeys: WorkspaceKeys;
  sim: SimReader;
  clock: Clock;
  log: Logger;
}): TrailQueue {
  const { spool, openWorkspace, workspaceKeys, sim, clock, log } = options;
  let recorded = 0;
  let written = 0;
  /** What was written of files that come again, since one of their workspaces cannot be written. */
  const settled = new Set<string>();
  const queue = createSpooledQueue<Entry>({
    ...{ spool, what: "denials", clock, log },
    parse: toEntry,
    write: writeAll,
    // A denial that a constraint refuses is told and kept until that is mended.
    isFinal: areValuesMalformed,
  });

  async function writeAll(entries: readonly Entry[]): Promise<void> {
    // The same entries of the same file, however often it comes: so the ids are the same too.
    const folded = fold(entries);
    const existing = await existingWorkspaces(
      sim,
      folded.map(({ event }) => event.workspaceId),
    );
    const problems: unknown[] = [];
    for (const [workspaceId, own] of Map.groupBy(folded, ({ event }) => event.workspaceId)) {
      const due = existing.has(workspaceId) ? own.filter(({ id }) => !settled.has(id)) : [];
      // One workspace that cannot be written must not keep the others waiting.
      try {
        if (due.length > 0) written += await write(workspaceId, due);
        for (const { id } of due) settled.add(id);
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) throw problems[0];
    for (const { id } of folded) settled.delete(id);
  }

  async function write(workspaceId: string, own: readonly Entry[]): Promise<number> {
    const db = openWorkspace(systemBinding(workspaceId, "audit"));
    const isCounted = own.some(({ attempts }) => attempts > 1);
    const keys = isCounted ? (await workspaceKeys.renew(workspaceId, db)).audit : null;
    const rows = own.map(({ event, id, firstMs, lastMs, attempts }) => {
      const { target, attempts: _, workspaceId: __, ...fields } = event;
      const content = { attempts, firstAt: new Date(firstMs).toISOString(), lastAt: new Date(lastMs).toISOString() };
      return {
        ...fields,
        id,
        occurredAt: new Date(firstMs),
        outcome: "denied" as const,
        targetKind: target.kind,
        targetId: target.id,
        ...(keys && attempts > 1 && { after: encryptContent(keys, { workspaceId, eventId: id, field: "after" }, content) }),
      };
    });
    // Each event with what endpoints are told of it: what is written again after a failure tells nothing twice.
    const [published, others] = [rows.filter(isPublished), rows.filter((row) => !isPublished(row))];
    const writePublished = (row: (typeof rows)[number]) =>
      db.transaction(async (tx) => {
        const { count } = await tx.auditEvent.createMany({ data: [row], skipDuplicates: true });
        if (count > 0) await publishEvent(tx, row);
      });
    let count = 0;
    for (const row of published) count += await queue.insert([row], () => writePublished(row));
    return count + (await queue.insert(others, (some) => db.auditEvent.createMany({ data: [...some], skipDuplicates: true })));
  }

  return {
    get counters() {
      return { recorded, written, lost: queue.lost };
    },
    add(event) {
      recorded++;
      const nowMs = clock.now();
      try {
        queue.append(JSON.stringify([newId(nowMs), nowMs, event]));
      } catch (error) {
        queue.lose(error, "audit: the spool takes no more denials; they are answered and not recorded");
      }
    },
    flush: queue.flush,
    waiting: queue.waiting,
    close: queue.close,
  };
}

function toEntry(record: string): Entry {
  const [id, nowMs, event] = JSON.parse(record) as [string, number, QueuedEvent];
  return { id, event, firstMs: nowMs, lastMs: nowMs, attempts: event.attempts ?? 1 };
}

/** One entry for like ones, under the id of the first. */
function fold(entries: readonly Entry[]): Entry[] {
  const folded = new Map<string, Entry>();
  const perActor = new Map<string, number>();
  for (const entry of entries) {
    const { event } = entry;
    const actor = JSON.stringify([event.workspaceId, event.actorKind, event.actorId]);
    const distinct = perActor.get(actor) ?? 0;
    const exact = keyOf(event);
    const isWithoutTarget = !folded.has(exact) && distinct >= MAX_EVENTS_PER_ACTOR;
    const kept = isWithoutTarget ? { ...event, target: { kind: "workspace", id: event.workspaceId }, requestId: null } : event;
    const key = isWithoutTarget ? keyOf(kept) : exact;
    const known = folded.get(key);
    if (known) {
      known.attempts += entry.attempts;
      known.lastMs = entry.lastMs;
    } else {
      folded.set(key, { ...entry, event: kept });
      perActor.set(actor, distinct + 1);
    }
  }
  return [...folded.values()];
}

/** What lies here is a refusal or an alarm: a refused call has done nothing that its action's name could tell endpoints. */
function isPublished({ action }: { action: string }): boolean {
  return eventTypeOf(action)?.startsWith("security.") ?? false;
}

function keyOf({ workspaceId, actorKind, actorId, action, reasonCode, method, target }: QueuedEvent): string {
  return JSON.stringify([workspaceId, actorKind, actorId, action, reasonCode, method, target.kind, target.id]);
}
