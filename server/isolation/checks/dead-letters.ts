import { systemBinding } from "../../db/system-binding.ts";
import type { Check, Verdict } from "../run-check.ts";
import type { RowAccess } from "../signed-rows.ts";

/** Whether everything that Sim told of the workspace was carried out: what was given up leaves it to the next reconciliation. */
export function deadLettersCheck({ openWorkspace }: Pick<RowAccess, "openWorkspace">): Check {
  return {
    name: "dead-letters",
    async run(workspaceId): Promise<Verdict> {
      const db = openWorkspace(systemBinding(workspaceId, "isolation.health"));
      const count = await db.webhookDelivery.count({ where: { status: "dead" } });
      const evidence = { hasDeadLetters: count > 0 };
      const adminEvidence = { deadLetters: count };
      if (count === 0) return { status: "healthy", message: "No event from Sim was given up", evidence, adminEvidence };
      return {
        status: "degraded",
        message: "Events from Sim were given up after their last try",
        evidence,
        adminEvidence,
        remedy: "Mend what the deliveries' errors say, then have Sim's backend call simIntegration.webhooks.replay",
      };
    },
  };
}
