import { systemBinding } from "../../db/system-binding.ts";
import type { Check } from "../run-check.ts";
import type { RowAccess } from "../signed-rows.ts";
import { VIOLATION_ACTION, type Violations } from "../violations.ts";

/** When the last violation was recorded, which makes nothing unhealthy by itself, and whether records can be written. */
export function violationsCheck({ openWorkspace, violations }: RowAccess & { violations: Violations }): Check {
  return {
    name: "violations",
    async run(workspaceId) {
      const db = openWorkspace(systemBinding(workspaceId, "isolation.health"));
      const last = await db.auditEvent.findFirst({
        where: { action: VIOLATION_ACTION },
        select: { occurredAt: true },
        orderBy: { id: "desc" },
      });
      const lastViolationAt = last?.occurredAt ?? null;
      const isRecordMissing = violations.isRecordMissing(workspaceId);
      const evidence = { lastViolationAt: lastViolationAt?.toISOString() ?? null, isRecordMissing };
      if (isRecordMissing) {
        const message = "A violation was met that could not be recorded; the server's log has it";
        return {
          status: "degraded",
          message,
          evidence,
          lastViolationAt,
          remedy: "Mend the audit trail, and read the rows again",
        };
      }
      const message = lastViolationAt ? "Violations were recorded; the isolation report lists them" : "No violation is on record";
      return { status: "healthy", message, evidence, lastViolationAt };
    },
  };
}
