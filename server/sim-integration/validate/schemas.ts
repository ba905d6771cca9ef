import { z } from "zod";

export const IntegrationCheck = z.object({
  name: z.string().describe("What was looked at, for programs"),
  status: z
    .enum(["passed", "warning", "failed", "skipped"])
    .describe("warning: it works, and something is to be known; skipped: it could not be looked at, and the message says why"),
  message: z.string(),
  remedy: z.string().nullable().describe("What to do about it"),
});
export type IntegrationCheck = z.output<typeof IntegrationCheck>;

export const IntegrationValidation = z.object({
  integrationStatus: z
    .enum(["healthy", "degraded", "unhealthy"])
    .describe("unhealthy: a check failed; degraded: one has a warning"),
  checks: z.array(IntegrationCheck),
  validatedAt: z.date(),
  userId: z.string().nullable().describe("Whose credential made the call; null where no user's did"),
});
export type IntegrationValidation = z.output<typeof IntegrationValidation>;
