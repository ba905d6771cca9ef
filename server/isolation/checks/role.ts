import { checkRole } from "../../db/check-role.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import type { ServerCheck } from "../shared-check.ts";

const REMEDY =
  "Run npm run db:check: it names what is wrong with the role and the SQL that mends it. Then ask for this once more: the " +
  "server gives up the connections whose plans were made meanwhile; behind a pooler, reconnect the pooler's too";

/**
 * Whether row-level security binds the role of the server's connections. Which role that is, is the operator's to know.
 * Once a role that was found unfit is fit again, the connections of the time between are given up.
 */
export function roleCheck({ sim, renewConnections }: { sim: SimReader; renewConnections(): void }): ServerCheck {
  let wasUnfit = false;
  return {
    name: "role",
    async run() {
      const findings = await checkRole(sim);
      const unfit = findings.filter(({ level }) => level === "unfit").length;
      if (wasUnfit && unfit === 0) renewConnections();
      wasUnfit = unfit > 0;
      const degraded = findings.filter(({ level }) => level === "degraded").length;
      const evidence = { canBypass: unfit > 0, unfit, degraded };
      if (unfit > 0) {
        const message = "The server's database role is not bound by row-level security, or lacks a privilege";
        return { status: "unhealthy", message, evidence, remedy: REMEDY };
      }
      if (degraded > 0) {
        const message = "The server's database role may do more with Sim's tables than it needs to";
        return { status: "degraded", message, evidence, remedy: REMEDY };
      }
      return { status: "healthy", message: "Row-level security binds the server's database role", evidence };
    },
  };
}
