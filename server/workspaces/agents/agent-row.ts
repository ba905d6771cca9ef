import type { AgentRow } from "../../db/agent-page.ts";
import { boundaryProblem } from "../../isolation/agent-boundary.ts";
import type { BoundaryKeys } from "../../isolation/boundary.ts";
import { agentLevel } from "../../permissions/levels.ts";
import { levelCaller, type TransactionContext, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { Agent } from "./schemas.ts";

export type { AgentRow } from "../../db/agent-page.ts";

/**
 * The rows that were made in this workspace. Any other counts as absent, and is a violation once the workspace's keys
 * have been read again: those in memory may be of a workspace that was deleted and came back.
 */
export async function authenticRows(ctx: WorkspaceContext | TransactionContext, rows: AgentRow[]): Promise<AgentRow[]> {
  const { workspaceId, principal, request } = ctx;
  const problem = (row: AgentRow, keys: BoundaryKeys) =>
    row.workspaceId === workspaceId ? boundaryProblem(workspaceId, keys, row) : "BOUNDARY_MISMATCH";
  if (rows.every((row) => problem(row, ctx.keys) === null)) return rows;
  const keys = await ctx.renewKeys(ctx.db);
  return rows.filter((row) => {
    const reasonCode = problem(row, keys);
    if (reasonCode === null) return true;
    ctx.reportViolation({ workspaceId, target: { kind: "agent", id: row.id }, reasonCode, reader: { principal, request } });
    return false;
  });
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
