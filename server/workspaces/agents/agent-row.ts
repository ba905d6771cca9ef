import type { AgentRow } from "../../db/agent-page.ts";
import { type BoundaryKeys, verifyBoundary } from "../../isolation/boundary.ts";
import { agentLevel } from "../../permissions/levels.ts";
import { levelCaller, type TransactionContext, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { Agent } from "./schemas.ts";

export type { AgentRow } from "../../db/agent-page.ts";

/**
 * The rows that were made in this workspace. Any other counts as absent, and is an alarm once the workspace's keys have
 * been read again: those in memory may be of a workspace that was deleted and came back.
 */
export async function authenticRows(ctx: WorkspaceContext | TransactionContext, rows: AgentRow[]): Promise<AgentRow[]> {
  if (rows.every((row) => isAuthentic(ctx.workspaceId, ctx.keys, row))) return rows;
  const keys = await ctx.renewKeys(ctx.db);
  return rows.filter((row) => {
    const isValid = isAuthentic(ctx.workspaceId, keys, row);
    if (!isValid) ctx.log.error({ workspaceId: ctx.workspaceId, agentId: row.id }, "isolation.boundary_mismatch");
    return isValid;
  });
}

function isAuthentic(workspaceId: string, keys: BoundaryKeys, row: AgentRow): boolean {
  const subject = { kind: "agent", workspaceId, id: row.id, createdAt: row.createdAt } as const;
  return row.workspaceId === workspaceId && verifyBoundary(keys, subject, row);
}

/** An authentic row as its caller sees it. */
export function toAgent(ctx: Pick<WorkspaceContext, "principal" | "permission">, row: AgentRow): Agent {
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
