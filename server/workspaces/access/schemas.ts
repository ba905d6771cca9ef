import { z } from "zod";
import {
  ACCESS_LEVELS,
  type AgentOperation,
  LEVEL_REASONS,
  OPERATIONS,
  type Operation,
  WORKSPACE_PERMISSIONS,
  type WorkspaceOperation,
} from "../../permissions/levels.ts";
import { instant } from "../../shared/instant.ts";
import { pageInput } from "../../shared/pagination.ts";
import { simId } from "../../shared/text.ts";
import { AgentRef } from "../agents/schemas.ts";
import { Isolation } from "../isolation-schema.ts";

const MAX_CHECKS = 100;

const workspaceId = simId.describe("Sim's id of the workspace");
const permission = z.enum(WORKSPACE_PERMISSIONS);
const level = z.enum(ACCESS_LEVELS);
const { agentId } = AgentRef.shape;

const names = Object.keys(OPERATIONS) as Operation[];
const AgentOperationName = z.enum(names.filter((name): name is AgentOperation => "agent" in OPERATIONS[name]));
const WorkspaceOperationName = z.enum(names.filter((name): name is WorkspaceOperation => "workspace" in OPERATIONS[name]));

export const WorkspaceRef = z.strictObject({ workspaceId });
export type WorkspaceRef = z.output<typeof WorkspaceRef>;

export const AccessSource = z.object({
  kind: z.enum(["explicit", "organization", "workspace_api_key"]),
  permission,
  role: z.string().nullable().describe("The role in the workspace's organization; null for other kinds"),
});

export const OwnAccess = z.object({
  workspaceId: z.string(),
  principal: z.object({
    kind: z.enum(["session", "personal_api_key", "workspace_api_key", "internal"]),
    id: z.string(),
    userId: z.string().nullable(),
  }),
  permission,
  sources: z.array(AccessSource).describe("Where the permission comes from; the highest counts"),
  levels: z.object({
    workspace: level.describe("On an agent that everyone in the workspace sees, without a grant"),
    restricted: level.describe("On a restricted agent, without a grant"),
    own: level.describe("On an agent that the caller made"),
  }),
  decision: z.object({
    source: z.enum(["cache", "database"]).describe("Whence this call's decision came; the guard has checked it either way"),
    decidedAt: z.date(),
    ageMs: z.int(),
  }),
  isolation: Isolation,
});
export type OwnAccess = z.output<typeof OwnAccess>;

export const ListMembersInput = z.strictObject({
  workspaceId,
  ...pageInput,
  sortBy: z.enum(["email"]).default("email").describe("What the list is ordered by"),
  sortOrder: z.enum(["asc", "desc"]).default("asc").describe("The order of the list"),
});
export type ListMembersInput = z.output<typeof ListMembersInput>;

export const WorkspaceMember = z.object({
  userId: z.string(),
  email: z.string(),
  name: z.string(),
  image: z.string().nullable(),
  permissionType: permission,
  isExternal: z.boolean().describe("Neither the workspace's owner nor of its organization"),
  joinedAt: z.date(),
  roleSource: z.enum(["owner", "explicit", "org-admin"]),
  isOrgAdmin: z.boolean(),
  grants: z
    .array(z.object({ agentId: z.uuid(), level, expiresAt: z.date().nullable() }))
    .describe("The member's grants on those agents that the caller manages, the first hundred by the agents' ids"),
  hasMoreGrants: z.boolean().describe("Whether there are more than those; agents.grants.list has them agent by agent"),
});
export type WorkspaceMember = z.output<typeof WorkspaceMember>;

export const MemberPage = z.object({
  data: z.array(WorkspaceMember),
  nextCursor: z.string().nullable(),
  isolation: Isolation,
});
export type MemberPage = z.output<typeof MemberPage>;

/** An operation on an agent, or one of the workspace. */
const AccessQuestion = z.union([
  z.strictObject({ operation: AgentOperationName, agentId }),
  z.strictObject({ operation: WorkspaceOperationName }),
]);
export type AccessQuestion = z.output<typeof AccessQuestion>;

export const CheckAccessInput = z.strictObject({
  workspaceId,
  checks: z.array(AccessQuestion).min(1).max(MAX_CHECKS).describe(`1 to ${MAX_CHECKS} questions, answered in their order`),
});
export type CheckAccessInput = z.output<typeof CheckAccessInput>;

export const DENIALS = ["NOT_FOUND", "INSUFFICIENT_WORKSPACE_ROLE", "INSUFFICIENT_AGENT_LEVEL"] as const;

const answerFields = {
  operation: z.string(),
  agentId: z.string().nullable(),
  allowed: z.boolean(),
  reason: z.enum(DENIALS).nullable().describe("Why not; NOT_FOUND alike for what is absent and what is hidden"),
  required: z.string().describe("The permission or the level that the operation needs"),
  actual: z.string().nullable().describe("The caller's; null where there is nothing to have one on"),
};

export const AccessAnswer = z.object(answerFields);
export type AccessAnswer = z.output<typeof AccessAnswer>;

export const AccessAnswers = z.object({ data: z.array(AccessAnswer), isolation: Isolation });
export type AccessAnswers = z.output<typeof AccessAnswers>;

export const ExplainAccessInput = z.strictObject({
  workspaceId,
  question: AccessQuestion,
  userId: simId.optional().describe("Another user, about whom only an admin may ask"),
});
export type ExplainAccessInput = z.output<typeof ExplainAccessInput>;

export const ACCESS_RULES = ["workspace_permission", ...LEVEL_REASONS, "no_permission", "not_found"] as const;

export const AccessExplanation = z.object({
  ...answerFields,
  userId: z.string().nullable(),
  permission: permission.nullable(),
  rule: z.enum(ACCESS_RULES).describe("The rule that decided"),
  sufficient: z
    .array(z.object({ kind: z.enum(["permission", "grant", "grant_removed"]), value: z.string().nullable() }))
    .describe("Each change that would do by itself"),
  isolation: Isolation,
});
export type AccessExplanation = z.output<typeof AccessExplanation>;

export const SimulateAccessInput = z.strictObject({
  workspaceId,
  change: z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("grant"),
      agentId,
      userId: simId,
      level: level.nullable().describe("null: without the grant"),
      expiresAt: instant.nullable().default(null),
    }),
    z.strictObject({
      kind: z.literal("permission"),
      userId: simId,
      permission: permission.nullable().describe("The user's own row in Sim's permissions; null: without it"),
    }),
  ]),
});
export type SimulateAccessInput = z.output<typeof SimulateAccessInput>;

export const AccessSimulation = z.object({
  userId: z.string(),
  permission: z.object({ before: permission.nullable(), after: permission.nullable() }),
  gained: z.int().describe("Agents on which the user's level would rise"),
  lost: z.int().describe("Agents on which it would fall"),
  unchanged: z.int(),
  data: z.array(z.object({ agentId: z.uuid(), before: level, after: level })).describe("The first hundred that would change"),
  isolation: Isolation,
});
export type AccessSimulation = z.output<typeof AccessSimulation>;
