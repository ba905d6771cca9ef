import { LOWEST_ID } from "../db/audit-log.ts";
import type { Binding } from "../db/binding.ts";
import { eachWorkspace } from "../db/each-workspace.ts";
import type { Settled, SettlePlace } from "../db/settle-activity.ts";
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
  /** Of one statement. */
  takeSessions?: number;
  takeEvents?: number;
}

const BINDING = "analytics.settle";
/** How long a session is left alone after its last event: until then its events are read, and there are few such sessions. */
const QUIET_MS = 5 * 60_000;

const DAY_MS = 86_400_000;

/**
 * Counts, in every workspace, the events of the sessions that have been quiet for a while, so that analytics need not read
 * them again, and says of how many sessions. One sweep often looks at what was active within a day, which an index
 * finds; one a day looks at all sessions, for what was left while no server ran. What fails in one workspace is logged, and
 * tried again by the next sweep.
 */
export function settleAnalytics(options: SettleOptions): Sweep[] {
  return [
    settleSweep({ name: "analytics.settle", everySeconds: 120, withinMs: DAY_MS }, options),
    settleSweep({ name: "analytics.settle-all", everySeconds: 86_400, withinMs: Number.POSITIVE_INFINITY }, options),
  ];
}

function settleSweep(
  { name, everySeconds, withinMs }: { name: string; everySeconds: number; withinMs: number },
  { sim, openWorkspace, clock, log, takeSessions = 1_000, takeEvents = 100_000 }: SettleOptions,
): Sweep {
  const settleIn = async (workspaceId: string, signal: AbortSignal): Promise<number> => {
    const { analytics } = openWorkspace(systemBinding(workspaceId, BINDING));
    const nowMs = clock.now();
    const activeSince = new Date(Math.max(0, nowMs - withinMs));
    let total = 0;
    let behind: SettlePlace | null = { activeAt: new Date(nowMs - QUIET_MS), sessionId: LOWEST_ID };
    while (behind && !signal.aborted) {
      const settled: Settled = await analytics.settle({ behind, activeSince, takeSessions, takeEvents });
      total += settled.count;
      behind = settled.next;
    }
    return total;
  };
  return {
    name,
    everySeconds,
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
