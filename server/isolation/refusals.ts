import { LRUCache } from "lru-cache";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";

/** Rows that row-level security refused although the workspace's client had let them through: a defect of that client. */
export interface Refusals {
  add(workspaceId: string, model: string): void;
  /** How many since the process began; its only good value is 0. */
  total(): number;
  of(workspaceId: string): { count: number; lastAtMs: number | null };
}

const MAX_WORKSPACES = 1_000;

export function createRefusals({ clock, log }: { clock: Clock; log: Logger }): Refusals {
  const known = new LRUCache<string, { count: number; lastAtMs: number }>({ max: MAX_WORKSPACES });
  let total = 0;
  return {
    add(workspaceId, model) {
      total++;
      known.set(workspaceId, { count: (known.get(workspaceId)?.count ?? 0) + 1, lastAtMs: clock.now() });
      log.error({ workspaceId, model }, "isolation.row_refused");
    },
    total: () => total,
    of: (workspaceId) => known.get(workspaceId) ?? { count: 0, lastAtMs: null },
  };
}
