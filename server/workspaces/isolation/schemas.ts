import { z } from "zod";
import { simId } from "../../shared/text.ts";
import { Isolation } from "../isolation-schema.ts";

export const IsolationInput = z.strictObject({ workspaceId: simId.describe("Sim's id of the workspace") });
export type IsolationInput = z.output<typeof IsolationInput>;

const Evidence = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

export const IsolationStatus = z
  .enum(["healthy", "degraded", "unhealthy"])
  .describe("degraded: something could not be looked at, or needs care; unhealthy: something that isolation rests on is broken");

export const IsolationCheck = z.object({
  name: z.string().describe("What is looked at"),
  status: IsolationStatus,
  message: z.string().describe("What was found, in one sentence"),
  evidence: Evidence.describe("What it was found by; admins are told numbers and ids of rows too"),
  remedy: z.string().optional().describe("What mends it"),
  checkedAt: z.date(),
  durationMs: z.number(),
});
export type IsolationCheck = z.output<typeof IsolationCheck>;

export const IsolationHealth = z.object({
  workspaceId: z.string(),
  status: IsolationStatus,
  isolationSystem: z.enum(["operational", "impaired", "broken"]).describe("The status in other words"),
  securityValidation: z.object({
    status: z.enum(["passed", "incomplete", "failed"]),
    passed: z.int().describe("Checks that found all in order"),
    total: z.int().describe("Checks that were made"),
  }),
  error: z.string().nullable().describe("The worst reason, where it is unhealthy"),
  reasons: z.array(z.string()).describe("Why it is not healthy, worst first"),
  checks: z.array(IsolationCheck),
  lastViolationAt: z
    .date()
    .nullable()
    .describe("When a row of another origin was last met here; the past makes nothing unhealthy"),
  checkedAt: z.date(),
  isolation: Isolation,
});
export type IsolationHealth = z.output<typeof IsolationHealth>;

const count = z.int();
const InPeriods = z.object({ lastDay: count, lastWeek: count });

export const IsolationReport = z.object({
  workspaceId: z.string(),
  generatedAt: z.date(),
  generatedBy: z.object({ kind: z.string(), id: z.string() }),
  metrics: z.object({
    totalAgents: count.describe("Agents that are not deleted"),
    activeAgents: count,
    inactiveAgents: count,
    archivedAgents: count,
    restrictedAgents: count,
    deletedAgents: count,
    totalGrants: count,
    expiredGrants: count,
    totalSessions: count,
    totalMessages: count,
    auditEvents: count.describe("At most a million are counted"),
  }),
  securityAnalysis: z.object({
    status: z.enum(["secure", "at_risk", "compromised"]),
    reasons: z.array(z.string()),
    checks: z.array(IsolationCheck),
  }),
  accessPatterns: z
    .object({
      byPrincipalKind: z.array(InPeriods.extend({ kind: z.string() })),
      byAction: z.array(InPeriods.extend({ action: z.string(), outcome: z.enum(["success", "denied", "failure"]) })),
    })
    .describe("What the audit log of the last day and week has"),
  recentDenials: z.array(
    z.object({
      action: z.string(),
      reasonCode: z.string().nullable(),
      actor: z.object({ kind: z.string(), id: z.string().nullable() }),
      target: z.object({ kind: z.string().nullable(), id: z.string().nullable() }),
      occurredAt: z.date(),
    }),
  ),
  violations: z
    .array(
      z.object({
        reasonCode: z.string().nullable(),
        actor: z.object({ kind: z.string(), id: z.string().nullable() }).describe("Who met it"),
        target: z.object({ kind: z.string().nullable(), id: z.string().nullable() }),
        occurredAt: z.date(),
      }),
    )
    .describe("Rows of another origin that were met here, newest first"),
  boundaryValidation: z.object({
    status: IsolationStatus,
    rowsChecked: count,
    mismatches: count,
    signedUnderNewest: count,
    signedUnderOlder: count,
    lastValidation: z.date(),
  }),
  lastVerification: z
    .object({ startedAt: z.date(), finishedAt: z.date(), rowsChecked: count, problems: count })
    .nullable()
    .describe("The last time that every row and the whole audit log were verified, which is done daily"),
  recommendations: z.array(
    z.object({ code: z.string().describe("For programs"), message: z.string(), remedy: z.string().nullable() }),
  ),
  isolation: Isolation,
});
export type IsolationReport = z.output<typeof IsolationReport>;
