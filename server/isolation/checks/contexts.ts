import type { Check } from "../run-check.ts";

/** What the last comparison of remembered permissions with Sim's tables came to. */
export interface ContextSample {
  checked: number;
  mismatches: number;
}

/** Whether the permissions that this server remembers are those of Sim's tables. The guard reads the truth in any case. */
export function contextsCheck(lastSample: () => ContextSample): Check {
  return {
    name: "contexts",
    async run() {
      const { checked, mismatches } = lastSample();
      const evidence = { checked, mismatches };
      if (checked === 0) return { status: "healthy", message: "No remembered permission has been compared yet", evidence };
      if (mismatches === 0)
        return { status: "healthy", message: "The remembered permissions are those of Sim's tables", evidence };
      const message = "Remembered permissions are not those of Sim's tables; each statement's guard refuses them";
      return { status: "degraded", message, evidence, remedy: "Clear the caches: POST /sim-integration/cache/clear" };
    },
  };
}
