import { z } from "zod";
import { OrganizationOverview } from "../organizations/analytics/schemas.ts";
import { type ErrorCode, HTTP_STATUS } from "../shared/errors.ts";
import { ClearCacheInput, ClearedCache } from "../sim-integration/clear-cache.ts";
import { IntegrationHealth } from "../sim-integration/health-schema.ts";
import { SyncedWorkspaces, SyncStatus, SyncWorkspacesInput } from "../sim-integration/sync/schemas.ts";
import { IntegrationCheck, IntegrationValidation } from "../sim-integration/validate/schemas.ts";
import {
  AccessAnswer,
  AccessAnswers,
  AccessExplanation,
  AccessSimulation,
  MemberPage,
  OwnAccess,
  WorkspaceMember,
} from "../workspaces/access/schemas.ts";
import { Grant, GrantEntry, GrantPage, SetGrantInput } from "../workspaces/agents/grants/schemas.ts";
import { Agent, AgentPage, CreateAgentInput, DeletedAgent, UpdateAgentInput } from "../workspaces/agents/schemas.ts";
import { AgentAnalyticsPage, AnalyticsOverview, AnalyticsTimeseries } from "../workspaces/analytics/schemas.ts";
import { AuditProof, AuditVerification } from "../workspaces/audit/proof-schemas.ts";
import { AuditEvent, AuditEventPage } from "../workspaces/audit/schemas.ts";
import { IsolationCheck, IsolationHealth, IsolationReport } from "../workspaces/isolation/schemas.ts";
import { Isolation } from "../workspaces/isolation-schema.ts";

/** The names that answers and bodies go by in the OpenAPI document; any other goes by its operation's. */
export const OUTPUT_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  AccessAnswer,
  AccessAnswers,
  AccessExplanation,
  AccessSimulation,
  Agent,
  AgentAnalyticsPage,
  AgentPage,
  AnalyticsOverview,
  AnalyticsTimeseries,
  AuditEvent,
  AuditEventPage,
  AuditProof,
  AuditVerification,
  ClearedCache,
  DeletedAgent,
  Grant,
  GrantEntry,
  GrantPage,
  IntegrationCheck,
  IntegrationHealth,
  IntegrationValidation,
  Isolation,
  MemberPage,
  OrganizationOverview,
  OwnAccess,
  SyncedWorkspaces,
  SyncStatus,
  WorkspaceMember,
  IsolationCheck,
  IsolationHealth,
  IsolationReport,
};
export const BODY_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  CreateAgent: CreateAgentInput,
  UpdateAgent: UpdateAgentInput,
  SetGrant: SetGrantInput,
  ClearCache: ClearCacheInput,
  SyncWorkspaces: SyncWorkspacesInput,
};

const Issue = z.object({
  path: z.array(z.union([z.string(), z.int()])).describe("Where it stands: names of fields and indexes, or of a header"),
  message: z.string().describe("What is allowed there"),
});

/** The shape of every error, whatever the status. */
export const ErrorAnswer = z.object({
  error: z.object({
    code: z.enum(Object.keys(HTTP_STATUS) as ErrorCode[]).describe("What went wrong, for programs"),
    message: z.string().describe("Written for whoever reads it; not to be parsed"),
    details: z
      .looseObject({
        code: z.string().optional().describe("A finer code, such as INSUFFICIENT_WORKSPACE_ROLE"),
        issues: z.array(Issue).optional().describe("Each thing that is wrong with the input"),
      })
      .optional()
      .describe("What is wrong in particular"),
  }),
  requestId: z.string().describe("Also the header x-request-id"),
});
