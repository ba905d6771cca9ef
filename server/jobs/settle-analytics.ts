import type { Binding } from "../db/binding.ts";
import { eachWorkspace } from "../db/each-workspace.ts";
import type { SimReader } from "../db/sim-reader.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { Sweep } from "./sweeps.ts";

export interface SettleOptions {
  sim: SimReader;
  openWorkspace(binding: Binding): WorkspaceDb;
  clock: Clock;
  log: Logger;
  batchSize?: number;
}

const NAME = "analytics.settle";
/** How long a session is left alone after its last event: until then its events are read, and there are few such sessions. */
const QUIET_MS = 5 * 60_000;

/**
 * Counts, in every workspace, the events of the sessions that have been quiet for a while, so that analytics need not read
 * them again, and says of how many sessions. What fails in one workspace is logged, and tried again by the next sweep.
 */
export function settleAnalytics({ sim, openWorkspace, clock, log, batchSize = 1_000 }: SettleOptions): Sweep {
  const settleIn = async (workspaceId: string, signal: AbortSignal): Promise<number> => {
    const { analytics } = openWorkspace(systemBinding(workspaceId, NAME));
    let total = 0;
    for (let count = 1; count > 0 && !signal.aborted; total += count) {
      count = await analytics.settle({ quietSince: new Date(clock.now() - QUIET_MS), take: batchSize });
    }
    return total;
  };
  return {
    name: NAME,
    everySeconds: 120,
    async run(signal) {
      let total = 0;
      for await (const workspaceId of eachWorkspace(sim)) {
        if (signal.aborted) break;
        try {
          total += await settleIn(workspaceId, signal);
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          log.warn({ workspaceId, err: { message } }, "analytics could not be settled; the next sweep tries again");
        }
      }
      return total;
    },
  };
}
