import type { Check } from "../run-check.ts";

/**
 * What the last comparison of remembered permissions with Sim's tables came to. A mismatch is one that the guard lets
 * through although the tables say otherwise; what a revocation made stale and the guard refuses is none.
 */
export interface ContextSample {
  checked: number;
  mismatches: number;
}

/** Whether the guard lets nothing through that Sim's tables do not hold, tried on the permissions that this server remembers. */
export function contextsCheck(lastSample: () => ContextSample): Check {
  return {
    name: "contexts",
    async run() {
      const { checked, mismatches } = lastSample();
      const evidence = { checked, mismatches };
      if (checked === 0) return { status: "healthy", message: "No remembered permission has been compared yet", evidence };
      if (mismatches === 0)
        return { status: "healthy", message: "The remembered permissions are those of Sim's tables", evidence };
      const message = "The guard lets remembered permissions through that Sim's tables do not hold";
      const remedy =
        "Stop this server: set PERMISSION_CACHE_TTL=0 before it serves again, and find out what is wrong with the guard";
      return { status: "unhealthy", message, evidence, remedy };
    },
  };
}
