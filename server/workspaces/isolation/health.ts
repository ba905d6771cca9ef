import type { WorkspaceHealth } from "../../isolation/health.ts";
import type { IsolationContext } from "../../permissions/workspace-context.ts";
import type { IsolationCheck, IsolationHealth } from "./schemas.ts";

const IN_OTHER_WORDS = {
  healthy: { isolationSystem: "operational", validation: "passed" },
  degraded: { isolationSystem: "impaired", validation: "incomplete" },
  unhealthy: { isolationSystem: "broken", validation: "failed" },
} as const satisfies Record<WorkspaceHealth["status"], { isolationSystem: string; validation: string }>;

/** How well the workspace is isolated at this moment. Numbers and ids of rows are told to admins alone: some rows are hidden from others. */
export async function checkIsolationHealth(ctx: IsolationContext): Promise<IsolationHealth> {
  const { workspaceId } = ctx;
  const { status, checks, reasons, lastViolationAt, checkedAt } = await ctx.isolation.health(workspaceId);
  const { isolationSystem, validation } = IN_OTHER_WORDS[status];
  return {
    workspaceId,
    status,
    isolationSystem,
    securityValidation: {
      status: validation,
      passed: checks.filter((check) => check.status === "healthy").length,
      total: checks.length,
    },
    error: status === "unhealthy" ? (reasons[0] ?? null) : null,
    reasons,
    checks: checks.map((check) => toCheck(check, ctx.permission === "admin")),
    lastViolationAt,
    checkedAt,
    isolation: { workspaceId, verified: true },
  };
}

/** A check as it is told; to an admin with the evidence that is for admins. */
export function toCheck(check: WorkspaceHealth["checks"][number], isAdmin: boolean): IsolationCheck {
  const { name, status, message, evidence, adminEvidence, remedy, checkedAt, durationMs } = check;
  return {
    name,
    status,
    message,
    evidence: isAdmin ? { ...evidence, ...adminEvidence } : evidence,
    ...(remedy !== undefined && { remedy }),
    checkedAt,
    durationMs,
  };
}
