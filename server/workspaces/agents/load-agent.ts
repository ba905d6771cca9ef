import { type AccessLevel, agentLevel, levelSatisfies } from "../../permissions/levels.ts";
import { levelCaller, type TransactionContext, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { AppError, agentNotFound } from "../../shared/errors.ts";
import { type AgentRow, authenticRows } from "./agent-row.ts";

/**
 * The agent that a call names, once the caller's level on it is known to reach what the call needs.
 *
 * @throws AppError NOT_FOUND, always the same one, where it is absent, deleted, hidden from the caller or not authentic;
 * FORBIDDEN where the caller sees it and may not do this
 */
export async function loadAgent(
  ctx: WorkspaceContext | TransactionContext,
  agentId: string,
  required: AccessLevel,
  options: { isDeletedIncluded?: boolean } = {},
): Promise<AgentRow> {
  const found = await ctx.db.agent.findFirst({
    where: { id: agentId, ...(options.isDeletedIncluded && { OR: [{ deletedAt: null }, { deletedAt: { not: null } }] }) },
  });
  const [row] = await authenticRows(ctx, found ? [found] : []);
  if (!row) throw agentNotFound();
  // A deleted agent is absent for whoever could not bring it back.
  if (row.deletedAt !== null && !levelSatisfies(agentLevel(levelCaller(ctx), row), required)) throw agentNotFound();
  assertLevel(ctx, row, required);
  return row;
}

/** @throws AppError as loadAgent does */
export function assertLevel(ctx: Pick<WorkspaceContext, "principal" | "permission">, row: AgentRow, required: AccessLevel): void {
  const actual = agentLevel(levelCaller(ctx), row);
  if (actual === "none") throw agentNotFound();
  if (!levelSatisfies(actual, required)) {
    throw new AppError("FORBIDDEN", `This needs the level "${required}" on the agent; yours is "${actual}"`, {
      details: { code: "INSUFFICIENT_AGENT_LEVEL", required, actual },
    });
  }
}
