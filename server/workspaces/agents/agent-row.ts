import type { AgentRow, GrantedAgentRow } from "../../db/agent-page.ts";
import type { SignedAgentRow } from "../../db/level-reads.ts";
import type { BoundaryKeys } from "../../isolation/boundary.ts";
import { boundaryProblem } from "../../isolation/boundary-problem.ts";
import { type AccessLevel, agentLevel, type LevelGrant } from "../../permissions/levels.ts";
import { levelRuleOf, type TransactionContext, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { Agent } from "./schemas.ts";

/** A row of this workspace with the caller's level on it, as it was when the row was read. */
export type LeveledAgent = AgentRow & { accessLevel: AccessLevel };

/** The rows that are authentic, each with the caller's level on it at `nowMs`. */
export async function leveledAgents(
  ctx: WorkspaceContext | TransactionContext,
  rows: GrantedAgentRow[],
  nowMs: number,
): Promise<LeveledAgent[]> {
  const rule = levelRuleOf(ctx);
  const authentic = await authenticRows(ctx, rows);
  return authentic.map((row) => ({ ...row, ...statsOf(row), accessLevel: agentLevel(rule, row, grantOf(row), nowMs) }));
}

/** What those of the agent's sessions come to that the caller sees. */
function statsOf({ counted: [totalSessions, totalMessages, lastActiveMs] }: GrantedAgentRow): AgentStats {
  return { totalSessions, totalMessages, lastActiveAt: lastActiveMs > 0 ? new Date(lastActiveMs) : null };
}

type AgentStats = Pick<AgentRow, "totalSessions" | "totalMessages" | "lastActiveAt">;

/** A row as it was written, whose counters were read with the agent before: with that one's stats and level. */
export function afterChange(
  row: AgentRow,
  { totalSessions, totalMessages, lastActiveAt, accessLevel }: LeveledAgent,
): LeveledAgent {
  return { ...row, totalSessions, totalMessages, lastActiveAt, accessLevel };
}

/** The caller's own grant that was read with the agent. */
export function grantOf({ grantLevel, grantExpiresAt }: GrantedAgentRow): LevelGrant | null {
  return grantLevel === null ? null : { level: grantLevel, expiresAt: grantExpiresAt };
}

/**
 * The rows that were made in this workspace. Any other counts as absent, and is a violation once the workspace's keys
 * have been read again: those in memory may be of a workspace that was deleted and came back.
 */
export async function authenticRows<Row extends SignedAgentRow>(
  ctx: WorkspaceContext | TransactionContext,
  rows: Row[],
): Promise<Row[]> {
  const { workspaceId, principal, request } = ctx;
  const problem = (row: SignedAgentRow, keys: BoundaryKeys) =>
    row.workspaceId === workspaceId ? boundaryProblem("agent", workspaceId, keys, row) : "BOUNDARY_MISMATCH";
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
export function toAgent(row: LeveledAgent): Agent {
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
    accessLevel: row.accessLevel,
    isolation: { workspaceId: row.workspaceId, level: row.isolationLevel, boundary: row.boundary, verified: true },
  };
}
