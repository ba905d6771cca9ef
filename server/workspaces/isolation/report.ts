import { principalId } from "../../auth/principal.ts";
import type { WorkspaceHealth } from "../../isolation/health.ts";
import { readVerification, type VerificationState } from "../../isolation/verification.ts";
import type { IsolationContext } from "../../permissions/workspace-context.ts";
import { countRows } from "./count-rows.ts";
import { toCheck } from "./health.ts";
import { recommend } from "./recommend.ts";
import type { IsolationReport } from "./schemas.ts";
import { readAccessPatterns, readDenials, readViolations } from "./trail.ts";

const IN_OTHER_WORDS = { healthy: "secure", degraded: "at_risk", unhealthy: "compromised" } as const satisfies Record<
  WorkspaceHealth["status"],
  string
>;

/** What the workspace holds, who came and was turned away, what was met that should not be there, and what to do about it. */
export async function reportIsolation(ctx: IsolationContext): Promise<IsolationReport> {
  const { workspaceId, principal, clock } = ctx;
  const health = await ctx.isolation.health(workspaceId);
  const metrics = await countRows(ctx);
  const violations = await readViolations(ctx);
  const recentDenials = await readDenials(ctx);
  const boundaryValidation = toBoundaryValidation(health);
  const restrictedWithoutGrants = await ctx.db.agent.count({
    where: { deletedAt: null, visibility: "restricted", grants: { none: {} } },
  });
  return {
    workspaceId,
    generatedAt: new Date(clock.now()),
    generatedBy: { kind: principal.kind, id: principalId(principal) },
    metrics,
    securityAnalysis: {
      status: IN_OTHER_WORDS[health.status],
      reasons: health.reasons,
      checks: health.checks.map((check) => toCheck(check, true)),
    },
    accessPatterns: await readAccessPatterns(ctx),
    recentDenials,
    violations,
    boundaryValidation,
    lastVerification: toLastVerification(await readVerification(ctx.db)),
    recommendations: recommend({
      health,
      metrics,
      boundaryValidation,
      restrictedWithoutGrants,
      violations: violations.length,
      areKeysAllowed: await ctx.isolation.allowsPersonalApiKeys(workspaceId),
    }),
    isolation: { workspaceId, verified: true },
  };
}

function toLastVerification(state: VerificationState | null): IsolationReport["lastVerification"] {
  if (!state?.last) return null;
  const { startedAt, finishedAt, rows, problemCount } = state.last;
  return { startedAt: new Date(startedAt), finishedAt: new Date(finishedAt), rowsChecked: rows, problems: problemCount };
}

function toBoundaryValidation({ checks, checkedAt }: WorkspaceHealth): IsolationReport["boundaryValidation"] {
  const boundary = checks.find(({ name }) => name === "boundary");
  const reSigning = checks.find(({ name }) => name === "re-signing");
  return {
    // What could not be looked at counts as neither good nor bad.
    status: boundary?.status ?? "degraded",
    rowsChecked: numberOf(boundary?.adminEvidence?.["rows"]),
    mismatches: numberOf(boundary?.adminEvidence?.["mismatches"]),
    signedUnderNewest: numberOf(reSigning?.adminEvidence?.["signedUnderNewest"]),
    signedUnderOlder: numberOf(reSigning?.adminEvidence?.["pending"]),
    lastValidation: boundary?.checkedAt ?? checkedAt,
  };
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
