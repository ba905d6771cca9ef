import type { Refusals } from "../refusals.ts";
import type { Check } from "../run-check.ts";

const RECENT_MS = 10_000;

/** Whether row-level security had to refuse, just now, what the workspace's client should have confined by itself. */
export function detectionCheck({ refusals, now }: { refusals: Refusals; now(): number }): Check {
  return {
    name: "detection",
    async run(workspaceId) {
      const { count, lastAtMs } = refusals.of(workspaceId);
      const evidence = { refusedByRowLevelSecurity: count };
      if (lastAtMs !== null && lastAtMs + RECENT_MS > now()) {
        const message = "Row-level security has just refused a row that the workspace's client had let through";
        const remedy = "Report it with the server's log lines isolation.row_refused: one layer held where another did not";
        return { status: "degraded", message, evidence, remedy };
      }
      return { status: "healthy", message: "Row-level security has nothing to refuse", evidence };
    },
  };
}
