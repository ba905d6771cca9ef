import { LRUCache } from "lru-cache";
import { eachWorkspace } from "../db/each-workspace.ts";
import type { SimReader } from "../db/sim-reader.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { SIGNED_KINDS } from "./boundary.ts";
import { reSignBatch } from "./re-sign.ts";
import type { RowAccess } from "./signed-rows.ts";
import type { Violations } from "./violations.ts";

export interface ReSignOptions extends RowAccess {
  sim: SimReader;
  violations: Violations;
  clock: Clock;
  log: Logger;
  batchSize?: number;
}

/** Goes once over every workspace, or until the signal ends it, and says how many rows were signed anew. */
export type ReSignSweep = (signal: AbortSignal) => Promise<number>;

/** A workspace without older rows is looked at again after this long: a server of the release before may still sign with them. */
const LOOKED_AT_AGAIN_MS = 3_600_000;
const MAX_REMEMBERED = 100_000;

/** One workspace and one batch at a time. What fails in one workspace is logged, and tried again by the next sweep. */
export function createReSignSweep(options: ReSignOptions): ReSignSweep {
  const { rootSecrets, sim, clock, log } = options;
  const lookedAt = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  return async (signal) => {
    let total = 0;
    // With one secret alone there is nothing that could be verified and signed anew.
    if (rootSecrets.length < 2) return total;
    for await (const workspaceId of eachWorkspace(sim)) {
      if (signal.aborted) return total;
      if ((lookedAt.get(workspaceId) ?? 0) + LOOKED_AT_AGAIN_MS > clock.now()) continue;
      try {
        const { reSigned, isDone } = await reSignWorkspace(options, workspaceId, signal);
        total += reSigned;
        if (isDone) lookedAt.set(workspaceId, clock.now());
        if (reSigned > 0) log.info({ workspaceId, rows: reSigned }, "rows were signed anew under the newest root secret");
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        log.warn({ workspaceId, err: { message } }, "rows could not be signed anew; the next sweep tries again");
      }
    }
    return total;
  };
}

async function reSignWorkspace(
  options: ReSignOptions,
  workspaceId: string,
  signal: AbortSignal,
): Promise<{ reSigned: number; isDone: boolean }> {
  let total = 0;
  for (const kind of SIGNED_KINDS) {
    let after: string | null = null;
    do {
      if (signal.aborted) return { reSigned: total, isDone: false };
      const { reSigned, next } = await reSignBatch(options, { workspaceId, kind }, { after, size: options.batchSize ?? 200 });
      total += reSigned;
      after = next;
    } while (after !== null);
  }
  return { reSigned: total, isDone: true };
}
