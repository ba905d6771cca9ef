import type { Check } from "../run-check.ts";

/**
 * What comparisons of remembered permissions with Sim's tables came to. A mismatch is one that the guard lets
 * through although the tables say otherwise; what a revocation made stale and the guard refuses is none.
 */
export interface ContextSample {
  checked: number;
  mismatches: number;
}

/**
 * Whether the guard lets nothing through that Sim's tables do not hold, tried on the permissions of this workspace that
 * the server remembers. How many were tried is not told: the more the other workspaces have, the fewer they are.
 */
export function contextsCheck(lastSample: (workspaceId: string) => ContextSample): Check {
  return {
    name: "contexts",
    async run(workspaceId) {
      const { mismatches } = lastSample(workspaceId);
      const evidence = { mismatches };
      if (mismatches === 0) {
        const message = "The guard was seen to let no remembered permission through that Sim's tables do not hold";
        return { status: "healthy", message, evidence };
      }
      const message = "The guard lets remembered permissions through that Sim's tables do not hold";
      const remedy =
        "Stop this server: set PERMISSION_CACHE_TTL=0 before it serves again, and find out what is wrong with the guard";
      return { status: "unhealthy", message, evidence, remedy };
    },
  };
}
