import { z } from "zod";
import { ACCESS_LEVELS } from "../../permissions/levels.ts";
import { jsonObject } from "../../shared/json.ts";
import { pageInput } from "../../shared/pagination.ts";
import { freeText, nameText, simId } from "../../shared/text.ts";
import { Isolation } from "../isolation-schema.ts";

const MAX_METADATA_BYTES = 16 * 1024;

export const AgentStatus = z.enum(["active", "inactive", "archived"]);
const AgentVisibility = z.enum(["workspace", "restricted"]);
const IsolationLevel = z.enum(["strict", "workspace"]);
const CompositionMode = z.enum(["fluid", "canned_fluid", "composited_canned", "strict_canned"]);
const MessageOutputMode = z.enum(["block", "stream"]);

const workspaceId = simId.describe("Sim's id of the workspace");

/** Names one agent in a workspace. */
export const AgentRef = z.strictObject({ workspaceId, agentId: z.uuid().toLowerCase().describe("The agent's id") });
export type AgentRef = z.output<typeof AgentRef>;

const agentFields = {
  name: nameText(100).describe("Unique in the workspace without regard to case, among agents that everyone there can see"),
  description: freeText(2_000).nullable(),
  status: AgentStatus,
  visibility: AgentVisibility.describe("restricted: hidden from all but admins, its creator and those with a grant"),
  isolationLevel: IsolationLevel.describe("Who sees a session: strict, its user and managers; workspace, all who see the agent"),
  compositionMode: CompositionMode,
  messageOutputMode: MessageOutputMode,
  maxEngineIterations: z.int().min(1).max(1_000),
  systemPrompt: freeText(10_000).nullable(),
  modelProvider: nameText(100).nullable(),
  modelName: nameText(200).nullable(),
  temperature: z.number().min(0).max(2),
  maxTokens: z.int().min(1).max(100_000),
  tags: z.array(nameText(50)).max(20).describe("At most 20 tags of 1 to 50 characters"),
  metadata: jsonObject(MAX_METADATA_BYTES).describe("Opaque JSON, stored and returned as given, at most 16 KiB"),
};

export const CreateAgentInput = z.strictObject({
  workspaceId,
  name: agentFields.name,
  description: agentFields.description.default(null),
  status: z.enum(["active", "inactive"]).default("active"),
  visibility: agentFields.visibility.default("workspace"),
  isolationLevel: agentFields.isolationLevel.default("strict"),
  compositionMode: agentFields.compositionMode.default("fluid"),
  messageOutputMode: agentFields.messageOutputMode.default("block"),
  maxEngineIterations: agentFields.maxEngineIterations.default(3),
  systemPrompt: agentFields.systemPrompt.default(null),
  modelProvider: agentFields.modelProvider.default(null),
  modelName: agentFields.modelName.default(null),
  temperature: agentFields.temperature.default(0.7),
  maxTokens: agentFields.maxTokens.default(2_000),
  tags: agentFields.tags.default([]),
  metadata: agentFields.metadata.default({}),
});
export type CreateAgentInput = z.output<typeof CreateAgentInput>;

export const UpdateAgentInput = z.strictObject({
  ...AgentRef.shape,
  version: z.int().min(1).optional().describe("The version this change rests on; another one now is a CONFLICT"),
  ...z.object(agentFields).partial().shape,
});
export type UpdateAgentInput = z.output<typeof UpdateAgentInput>;

export const AGENT_SORTS = ["createdAt", "updatedAt", "name"] as const;

export const ListAgentsInput = z.strictObject({
  workspaceId,
  ...pageInput,
  sortBy: z.enum(AGENT_SORTS).default("createdAt").describe("What the list is ordered by"),
  status: AgentStatus.optional().describe("Only agents with this status"),
  createdBy: simId.optional().describe("Only agents that this user created"),
  search: freeText(200).min(1).optional().describe("Only agents whose name or description contains this, in any case"),
  tag: nameText(50).optional().describe("Only agents with this tag"),
  includeArchived: z.boolean().default(false).describe("Archived agents too"),
});
export type ListAgentsInput = z.output<typeof ListAgentsInput>;

export const AgentIsolation = Isolation.extend({
  level: IsolationLevel,
  boundary: z.string().describe("The row's keyed boundary, in hex"),
});

export const Agent = z.object({
  id: z.uuid(),
  workspaceId: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  status: AgentStatus,
  visibility: AgentVisibility,
  isolationLevel: IsolationLevel,
  compositionMode: CompositionMode,
  messageOutputMode: MessageOutputMode,
  maxEngineIterations: z.int(),
  systemPrompt: z.string().nullable(),
  modelProvider: z.string().nullable(),
  modelName: z.string().nullable(),
  temperature: z.number(),
  maxTokens: z.int(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
  createdBy: z.string().nullable().describe("The user who created it; null where a workspace key did"),
  createdByKeyId: z.string().nullable(),
  createdAt: z.date(),
  updatedAt: z.date(),
  archivedAt: z.date().nullable(),
  version: z.int().describe("Grows by one per change; also the ETag"),
  stats: z.object({ totalSessions: z.int(), totalMessages: z.int(), lastActiveAt: z.date().nullable() }),
  accessLevel: z.enum(ACCESS_LEVELS).describe("The caller's level on this agent"),
  isolation: AgentIsolation,
});
export type Agent = z.output<typeof Agent>;

export const AgentPage = z.object({ data: z.array(Agent), nextCursor: z.string().nullable(), isolation: Isolation });
export type AgentPage = z.output<typeof AgentPage>;

export const DeletedAgent = z.object({ id: z.uuid(), deletedAt: z.date(), isolation: Isolation });
export type DeletedAgent = z.output<typeof DeletedAgent>;
