import { checkDatabase } from "./db/check.ts";
import type { SimReader } from "./db/sim-reader.ts";

/** Whether the server can serve now: the database answers, its schema is this release's, and the role is still ordinary. */
export function createReadiness(sim: SimReader): () => Promise<{ ready: boolean; checks: Record<string, string> }> {
  return async () => {
    try {
      const findings = await checkDatabase(sim);
      const isFit = findings.every(({ level }) => level !== "unfit");
      return { ready: isFit, checks: { database: "ok", schemaAndRole: isFit ? "ok" : "unfit" } };
    } catch {
      return { ready: false, checks: { database: "unreachable" } }; // why stands in the log of the pool
    }
  };
}
