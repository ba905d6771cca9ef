import { LRUCache } from "lru-cache";
import type { Checkpoint } from "../../client-sdk/src/audit/index.ts";
import { LOWEST_ID } from "../db/audit-log.ts";
import type { Binding } from "../db/binding.ts";
import { eachWorkspace, existingWorkspaces } from "../db/each-workspace.ts";
import type { SimReader } from "../db/sim-reader.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { AuditLogKeys } from "../isolation/audit-log-keys.ts";
import type { Clock } from "../shared/clock.ts";
import { lowestIdAt } from "../shared/ids.ts";
import type { Logger } from "../shared/logger.ts";
import { sealBatch } from "./seal-batch.ts";
import type { SignedStates } from "./signed-states.ts";

/** Gives audit events their places in their workspaces' logs, and signs the logs as they grow. */
export interface Sealer {
  /** Takes note that a workspace's trail is being written to. */
  touch(workspaceId: string): void;
  /** Seals all that a workspace's trail has; resolves to how many events it sealed. */
  seal(workspaceId: string): Promise<number>;
  /** What this process, or one here before it, last found or signed of a workspace's log, which the log must have from then on. */
  known(workspaceId: string): Checkpoint | undefined;
  /** Seals what was lately written to the trails that this process wrote to. */
  sealTouched(): Promise<void>;
  /**
   * Seals whatever any workspace's trail has: what a process left that was killed, and what came late. Also of workspaces
   * that Sim has removed, as far as their logs are known here: the last that their trails say is that they were.
   */
  sweep(signal: AbortSignal): Promise<void>;
  /** Seals what was touched by itself from now on. */
  start(): void;
  /** Does nothing more, and has ended what it was doing; where it was started, it seals once more what was written to, for seconds. */
  close(): Promise<void>;
}

export interface SealerOptions {
  openWorkspace(binding: Binding): WorkspaceDb;
  sim: SimReader;
  keys: AuditLogKeys;
  clock: Clock;
  log: Logger;
  /** What is known of the logs, kept over restarts. */
  states: SignedStates;
  intervalMs?: number;
}

const BATCH = 1_000;
const WORKSPACES_PER_QUERY = 1_000;
/** Longer than a transaction can last: what was begun before it was noted is committed or gone by then. */
const TOUCHED_FOR_MS = 60_000;
/**
 * What a pass looks back from the last one that found a log complete; everywhere, where this process has found none so. So
 * what a killed process left is sealed before what is newer. An event committed later than this is found by a sweep.
 */
const WINDOW_MS = 15 * 60_000;
const MAX_REMEMBERED = 10_000;
const CLOSE_MS = 3_000;

export function createSealer(options: SealerOptions): Sealer {
  const { openWorkspace, sim, keys, clock, log, states, intervalMs = 10_000 } = options;
  const touched = new Map<string, number>();
  const completeMs = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  let isClosing = false;
  let isClosed = false;
  let loop: { stop(): Promise<void> } | undefined;

  async function sealAfter(workspaceId: string, firstId: string): Promise<number> {
    const db = openWorkspace(systemBinding(workspaceId, "audit"));
    const startedMs = clock.now();
    let sealed = 0;
    for (let afterId: string | null = firstId; afterId !== null && !isClosed; ) {
      const known = states.get(workspaceId);
      const batch = await sealBatch(db, { workspaceId, keys, nowMs: clock.now(), afterId, take: BATCH, known });
      if (batch?.checkpoint) states.note(workspaceId, batch.checkpoint);
      sealed += batch?.count ?? 0;
      afterId = batch?.count === BATCH ? batch.lastId : null;
      if (batch && afterId === null) completeMs.set(workspaceId, startedMs);
    }
    return sealed;
  }

  /** One workspace that cannot be sealed must not keep the others waiting. */
  async function trySeal(workspaceId: string, firstId: string): Promise<void> {
    await sealAfter(workspaceId, firstId).catch((error: unknown) => {
      log.error({ workspaceId, err: { message: messageOf(error) } }, "audit: a workspace's log cannot be sealed");
    });
  }

  async function sealTouched(): Promise<void> {
    const startedMs = clock.now();
    for (const [workspaceId, touchedMs] of touched) {
      if (isClosed) return;
      const fromMs = completeMs.get(workspaceId);
      await trySeal(workspaceId, fromMs === undefined ? LOWEST_ID : lowestIdAt(Math.max(0, fromMs - WINDOW_MS)));
      if (touched.get(workspaceId) === touchedMs && touchedMs + TOUCHED_FOR_MS < startedMs) touched.delete(workspaceId);
    }
  }

  async function sweep(signal: AbortSignal): Promise<void> {
    const isEnded = () => isClosing || signal.aborted;
    for await (const id of eachWorkspace(sim)) {
      if (isEnded()) return;
      await trySeal(id, LOWEST_ID);
    }
    const known = states.workspaceIds();
    for (let from = 0; from < known.length && !isEnded(); from += WORKSPACES_PER_QUERY) {
      const some = known.slice(from, from + WORKSPACES_PER_QUERY);
      const existing = await existingWorkspaces(sim, some);
      for (const id of some) if (!existing.has(id) && !isEnded()) await trySeal(id, LOWEST_ID);
    }
  }

  function repeat(work: () => Promise<void>): { stop(): Promise<void> } {
    let timer: NodeJS.Timeout | undefined;
    let running: Promise<void> = Promise.resolve();
    const schedule = (afterMs: number) => {
      if (isClosing) return;
      timer = setTimeout(() => {
        running = work()
          .catch((error: unknown) => log.error({ err: { message: messageOf(error) } }, "audit: sealing failed"))
          .then(() => schedule(intervalMs));
      }, afterMs).unref();
    };
    schedule(0);
    return {
      async stop() {
        clearTimeout(timer);
        await running;
      },
    };
  }

  return {
    touch(workspaceId) {
      touched.set(workspaceId, clock.now());
    },
    seal: (workspaceId) => sealAfter(workspaceId, LOWEST_ID),
    known: states.get,
    sealTouched,
    sweep,
    start() {
      loop ??= repeat(sealTouched);
    },
    async close() {
      if (isClosing) return;
      isClosing = true;
      const deadline = setTimeout(() => {
        isClosed = true;
      }, CLOSE_MS);
      await loop?.stop();
      if (loop) await sealTouched();
      clearTimeout(deadline);
      isClosed = true;
      states.close();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
