import { checkRole } from "../../db/check-role.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import type { ServerCheck } from "../shared-check.ts";

const REMEDY =
  "Run npm run db:check: it names what is wrong with the role and the SQL that mends it. Then restart the server: its " +
  "connections keep plans that were made while row-level security did not bind the role";

/** Whether row-level security binds the role of the server's connections. Which role that is, is the operator's to know. */
export function roleCheck(sim: SimReader): ServerCheck {
  return {
    name: "role",
    async run() {
      const findings = await checkRole(sim);
      const unfit = findings.filter(({ level }) => level === "unfit").length;
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
