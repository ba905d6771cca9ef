import type { Binding } from "../db/binding.ts";
import type { SimReader } from "../db/sim-reader.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { WorkspaceKeys } from "../isolation/workspace-keys.ts";
import type { Clock } from "../shared/clock.ts";
import { newId } from "../shared/ids.ts";
import type { Logger } from "../shared/logger.ts";
import { encryptContent } from "./content-cipher.ts";

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
  /** Events that found the queue full, or were left when it closed; its only good value is 0. */
  lost: number;
}

export interface TrailQueue {
  readonly counters: Readonly<TrailQueueCounters>;
  /** Takes the event; it is in the trail within a second. Takes as long for a workspace that is not there. */
  add(event: QueuedEvent): void;
  /** All that was added before is written. Rejects where the database cannot; the events stay queued. */
  flush(): Promise<void>;
  /** Writes what is left, as far as the database lets it within a few seconds; what is lost is counted and logged. */
  close(): Promise<void>;
}

const FLUSH_MS = 250;
const MAX_RETRY_MS = 5_000;
const MAX_EVENTS = 10_000;
/** So many different events of one actor are told apart in one flush; further ones are counted without their target. */
const MAX_EVENTS_PER_ACTOR = 20;
const CLOSE_ATTEMPTS = 3;
/** A stopping server is ended after half a minute, and must have said by then what it loses. */
const CLOSE_MS = 5_000;
const MAX_ROWS_PER_INSERT = 500;

interface Entry {
  event: QueuedEvent;
  id: string;
  firstMs: number;
  lastMs: number;
  count: number;
}

/**
 * Writes the events of refused calls into the trails of their workspaces, outside of any caller's time and transaction.
 * Like events of one actor become one row with a count. Memory is bounded, and what does not fit is counted and logged.
 * A workspace that does not exist has no trail: its events end here.
 */
export function createTrailQueue(options: {
  openWorkspace(binding: Binding): WorkspaceDb;
  workspaceKeys: WorkspaceKeys;
  sim: SimReader;
  clock: Clock;
  log: Logger;
}): TrailQueue {
  const { openWorkspace, workspaceKeys, sim, clock, log } = options;
  const counters: TrailQueueCounters = { recorded: 0, written: 0, lost: 0 };
  let entries = new Map<string, Entry>();
  let tried: Entry[] = [];
  /** Those of `tried` that need no further attempt. */
  const settled = new Set<Entry>();
  let perActor = new Map<string, number>();
  let lostSinceFlush = 0;
  let failures = 0;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  function schedule(): void {
    if (timer !== undefined || isClosed) return;
    const delayMs = Math.min(FLUSH_MS * 2 ** failures, MAX_RETRY_MS);
    timer = setTimeout(() => {
      timer = undefined;
      flush().catch(() => schedule());
    }, delayMs).unref();
  }

  function add(event: QueuedEvent): void {
    counters.recorded++;
    const nowMs = clock.now();
    const actor = JSON.stringify([event.workspaceId, event.actorKind, event.actorId]);
    const distinct = perActor.get(actor) ?? 0;
    const exact = keyOf(event);
    const isFolded = !entries.has(exact) && distinct >= MAX_EVENTS_PER_ACTOR;
    const kept = isFolded ? { ...event, target: { kind: "workspace", id: event.workspaceId }, requestId: null } : event;
    const key = isFolded ? keyOf(kept) : exact;
    const known = entries.get(key);
    if (known) {
      known.count++;
      known.lastMs = nowMs;
    } else if (entries.size + tried.length >= MAX_EVENTS) {
      counters.lost++;
      lostSinceFlush++;
    } else {
      entries.set(key, { event: kept, id: newId(nowMs), firstMs: nowMs, lastMs: nowMs, count: 1 });
      perActor.set(actor, distinct + 1);
    }
    schedule();
  }

  function flush(): Promise<void> {
    running = running.catch(() => {}).then(flushOnce);
    return running;
  }

  async function flushOnce(): Promise<void> {
    if (lostSinceFlush > 0) log.error({ lost: lostSinceFlush }, "audit: the queue of denials was full; some were not recorded");
    lostSinceFlush = 0;
    // What was tried once may be written already: it stays as it is, and further attempts are counted anew.
    tried.push(...entries.values());
    entries = new Map();
    perActor = new Map();
    if (tried.length === 0) return;
    try {
      const existing = await existingWorkspaces(tried.map(({ event }) => event.workspaceId));
      const byWorkspace = Map.groupBy(tried, ({ event }) => event.workspaceId);
      const problems: unknown[] = [];
      for (const [workspaceId, own] of byWorkspace) {
        if (existing.has(workspaceId)) {
          // One workspace that cannot be written must not keep the others waiting.
          const problem = await write(workspaceId, own).catch((error: unknown) => error ?? new Error("unknown"));
          if (problem !== undefined) {
            problems.push(problem);
            continue;
          }
          counters.written += own.length;
        }
        for (const entry of own) settled.add(entry);
      }
      if (problems.length > 0) throw problems[0];
      failures = 0;
    } catch (error) {
      failures++;
      log.warn(
        { waiting: unsettled().length, err: { message: messageOf(error) } },
        "audit: denials cannot be written at the moment",
      );
      throw error;
    } finally {
      tried = unsettled();
      settled.clear();
    }
  }

  /** What was tried and is not written, whether or not a flush has it in hand. */
  function unsettled(): Entry[] {
    return tried.filter((entry) => !settled.has(entry));
  }

  /** Whether all that is left was written, before `isOverdue` and within a few attempts. */
  async function writeLeft(isOverdue: () => boolean): Promise<boolean> {
    for (let attempt = 1; attempt <= CLOSE_ATTEMPTS && !isOverdue(); attempt++) {
      const isWritten = await flush().then(
        () => true,
        () => false,
      );
      if (isWritten) return true;
    }
    return false;
  }

  async function existingWorkspaces(ids: readonly string[]): Promise<Set<string>> {
    const rows = await sim.query<{ id: string }>({
      name: "audit_workspaces",
      text: "select id from public.workspace where id = any ($1::text[])",
      values: [[...new Set(ids)]],
    });
    return new Set(rows.map(({ id }) => id));
  }

  async function write(workspaceId: string, own: readonly Entry[]): Promise<void> {
    const db = openWorkspace(systemBinding(workspaceId, "audit"));
    const isCounted = own.some((entry) => attemptsOf(entry) > 1);
    const keys = isCounted ? (await workspaceKeys.renew(workspaceId, db)).audit : null;
    const rows = own.map((entry) => {
      const { event, id } = entry;
      const { target, attempts: _, workspaceId: __, ...fields } = event;
      const attempts = attemptsOf(entry);
      const content = {
        attempts,
        firstAt: new Date(entry.firstMs).toISOString(),
        lastAt: new Date(entry.lastMs).toISOString(),
      };
      return {
        ...fields,
        id,
        occurredAt: new Date(entry.firstMs),
        outcome: "denied" as const,
        targetKind: target.kind,
        targetId: target.id,
        ...(keys && attempts > 1 && { after: encryptContent(keys, { workspaceId, eventId: id, field: "after" }, content) }),
      };
    });
    for (let start = 0; start < rows.length; start += MAX_ROWS_PER_INSERT) {
      await db.auditEvent.createMany({ data: rows.slice(start, start + MAX_ROWS_PER_INSERT), skipDuplicates: true });
    }
  }

  return {
    counters,
    add,
    flush,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      const deadline = Promise.withResolvers<false>();
      let isOverdue = false;
      const overdue = setTimeout(() => {
        isOverdue = true;
        deadline.resolve(false);
      }, CLOSE_MS);
      const isWritten = await Promise.race([writeLeft(() => isOverdue), deadline.promise]);
      clearTimeout(overdue);
      if (isWritten) return;
      const left = [...unsettled(), ...entries.values()].reduce((total, { count }) => total + count, 0);
      counters.lost += left;
      log.error({ lost: left }, "audit: the database took no more denials in time; some were not recorded");
    },
  };
}

function attemptsOf({ event, count }: Entry): number {
  return count - 1 + (event.attempts ?? 1);
}

function keyOf({ workspaceId, actorKind, actorId, action, reasonCode, method, target }: QueuedEvent): string {
  return JSON.stringify([workspaceId, actorKind, actorId, action, reasonCode, method, target.kind, target.id]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
