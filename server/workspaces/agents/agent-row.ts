import type { Prisma } from "../../db/generated/client.ts";
import { verifyBoundary } from "../../isolation/boundary.ts";
import { agentLevel } from "../../permissions/levels.ts";
import { levelCaller, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { Agent } from "./schemas.ts";

export type AgentRow = Prisma.TypeMap["model"]["Agent"]["payload"]["scalars"];

type ReadContext = Pick<WorkspaceContext, "workspaceId" | "principal" | "permission" | "keys" | "log">;

/** Whether a row was made in this workspace; one that was not counts as absent, and is an alarm. */
export function isAuthentic(ctx: ReadContext, row: AgentRow): boolean {
  const isValid =
    row.workspaceId === ctx.workspaceId &&
    verifyBoundary(ctx.keys, { kind: "agent", workspaceId: ctx.workspaceId, id: row.id, createdAt: row.createdAt }, row);
  if (!isValid) ctx.log.error({ workspaceId: ctx.workspaceId, agentId: row.id }, "isolation.boundary_mismatch");
  return isValid;
}

/** An authentic row as its caller sees it. */
export function toAgent(ctx: ReadContext, row: AgentRow): Agent {
  return {
    id: row.id,
    workspaceId: row.workspaceId,
    name: row.name,
    description: row.description,
    status: row.status,
    visibility: row.visibility,
    isolationLevel: row.isolationLevel,
    compositionMode: row.compositionMode,
    messageOutputMode: row.messageOutputMode,
    maxEngineIterations: row.maxEngineIterations,
    systemPrompt: row.systemPrompt,
    modelProvider: row.modelProvider,
    modelName: row.modelName,
    temperature: row.temperature,
    maxTokens: row.maxTokens,
    tags: row.tags,
    metadata: row.metadata as Agent["metadata"],
    createdBy: row.createdBy,
    createdByKeyId: row.createdByKeyId,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    archivedAt: row.archivedAt,
    version: row.version,
    stats: { totalSessions: row.totalSessions, totalMessages: row.totalMessages, lastActiveAt: row.lastActiveAt },
    accessLevel: agentLevel(levelCaller(ctx), row),
    isolation: { workspaceId: row.workspaceId, level: row.isolationLevel, boundary: row.boundary, verified: true },
  };
}
