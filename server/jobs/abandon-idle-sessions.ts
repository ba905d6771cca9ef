import type { Binding } from "../db/binding.ts";
import { eachWorkspace } from "../db/each-workspace.ts";
import type { SimReader } from "../db/sim-reader.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { Clock } from "../shared/clock.ts";
import { newId } from "../shared/ids.ts";
import type { Logger } from "../shared/logger.ts";

export interface AbandonOptions {
  sim: SimReader;
  openWorkspace(binding: Binding): WorkspaceDb;
  /** How long a session may be without activity. */
  idleAfterMs: number;
  clock: Clock;
  log: Logger;
  batchSize?: number;
}

const ACTION = "session.abandon";

/**
 * Abandons the sessions of every workspace that have been idle, each with its audit row in the same transaction, and says
 * how many those were. What fails in one workspace is logged, and tried again by the next sweep.
 */
export function createAbandonSweep(options: AbandonOptions): (signal: AbortSignal) => Promise<number> {
  const { sim, log } = options;
  return async (signal) => {
    let total = 0;
    for await (const workspaceId of eachWorkspace(sim)) {
      if (signal.aborted) break;
      try {
        total += await abandonIn(options, workspaceId, signal);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        log.warn({ workspaceId, err: { message } }, "idle sessions could not be abandoned; the next sweep tries again");
      }
    }
    return total;
  };
}

async function abandonIn(options: AbandonOptions, workspaceId: string, signal: AbortSignal): Promise<number> {
  const { openWorkspace, idleAfterMs, clock, batchSize = 200 } = options;
  const db = openWorkspace(systemBinding(workspaceId, ACTION));
  let total = 0;
  for (let count = batchSize; count === batchSize && !signal.aborted; total += count) {
    count = await db.transaction(async (tx) => {
      const nowMs = clock.now();
      const at = new Date(nowMs);
      const abandoned = await tx.abandonSessions({ idleSince: new Date(nowMs - idleAfterMs), at, take: batchSize });
      if (abandoned.length > 0) {
        await tx.auditEvent.createMany({
          data: abandoned.map(({ id }) => ({
            ...{ id: newId(nowMs), occurredAt: at, action: ACTION, outcome: "success" as const },
            ...{ actorKind: "system", actorId: "sessions", targetKind: "session", targetId: id },
          })),
        });
      }
      return abandoned.length;
    });
  }
  return total;
}
