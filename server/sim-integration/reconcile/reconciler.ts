import type { SimFeatures } from "../../db/sim-features.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import { readSyncBatch, type SyncFacts } from "../../db/sync-batch.ts";
import { applyEvent } from "../lifecycle/apply-event.ts";
import type { LifecycleContext } from "../lifecycle/lifecycle-context.ts";
import { toEvents } from "./to-events.ts";

/** Purges a workspace that Sim shows as archived; it makes sure of that itself. */
export type Purge = (request: { workspaceId: string; isExportAsked: boolean }) => Promise<unknown>;

export interface ReconcilerOptions {
  lifecycle: LifecycleContext;
  sim: SimReader;
  features: SimFeatures;
  /** Without it, what is due stays. */
  purge?: Purge;
  purgeAfterMs: number;
  batchSize?: number;
}

/** How a sweep went, or how far it has come. */
export interface Sweep {
  startedAt: Date;
  /** Null while it goes on. */
  finishedAt: Date | null;
  /** Compared, of which so many were not in step, and of these so many could not be brought in step. */
  workspaces: number;
  differing: number;
  failed: number;
  purged: number;
}

export interface Reconciler {
  /** Goes once over all of Sim's workspaces, or until the signal ends it. Rejects where they cannot be compared. */
  sweep(signal: AbortSignal): Promise<Sweep>;
  /** The latest sweep of this process; null before the first. */
  latest(): Sweep | null;
}

const BATCH_SIZE = 500;
const AT_ONCE = 4;

/**
 * Finds what no event told of: each workspace that is new, changed, archived, restored or has grants of somebody who left
 * is brought in step as if its event had come, and one whose time is over is purged. One that fails is logged, tried again
 * by the next sweep, and holds up no other.
 */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { lifecycle, sim, features, purge, purgeAfterMs, batchSize = BATCH_SIZE } = options;
  const { clock, log } = lifecycle;
  let latest: Sweep | null = null;
  const times = () => ({ nowMs: clock.now(), purgeAfterMs });

  async function reconcile(facts: SyncFacts, sweep: Sweep): Promise<void> {
    const { workspaceId } = facts;
    try {
      for (const event of toEvents(facts)) await applyEvent(lifecycle, event);
      if (!facts.isPurgeDue || !purge) return;
      // Others of the batch may have been purged for hours meanwhile, and Sim may have restored this one, and archived it anew.
      const [present] = (await readSyncBatch(sim, features, { workspaceIds: [workspaceId] }, times())).rows;
      if (!present?.isPurgeDue) return;
      await purge({ workspaceId, isExportAsked: present.isExportAsked });
      sweep.purged++;
      await lifecycle.publish({ kind: "workspace", workspaceId });
      log.info({ workspaceId }, "a workspace that Sim deleted was purged");
    } catch (error) {
      sweep.failed++;
      const message = error instanceof Error ? error.message : String(error);
      log.warn(
        { workspaceId, err: { message } },
        "a workspace could not be brought in step with Sim; the next sweep tries again",
      );
    }
  }

  return {
    latest: () => latest,
    async sweep(signal) {
      const sweep: Sweep = {
        startedAt: new Date(clock.now()),
        finishedAt: null,
        workspaces: 0,
        differing: 0,
        failed: 0,
        purged: 0,
      };
      latest = sweep;
      for (let after: string | null = ""; after !== null && !signal.aborted; ) {
        const batch = await readSyncBatch(sim, features, { after, take: batchSize }, times());
        const waiting = batch.rows.values();
        const lane = async () => {
          for (const facts of waiting) if (!signal.aborted) await reconcile(facts, sweep);
        };
        await Promise.all(Array.from({ length: AT_ONCE }, lane));
        sweep.workspaces += batch.size;
        sweep.differing += batch.rows.length;
        after = batch.next;
      }
      if (!signal.aborted) sweep.finishedAt = new Date(clock.now());
      if (sweep.failed > 0) log.warn({ ...sweep }, "some workspaces are not in step with Sim");
      return sweep;
    },
  };
}
