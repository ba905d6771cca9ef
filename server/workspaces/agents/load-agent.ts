import { type AccessLevel, levelSatisfies } from "../../permissions/levels.ts";
import { sessionViewOf } from "../../permissions/session-access.ts";
import type { TransactionContext, WorkspaceContext } from "../../permissions/workspace-context.ts";
import { AppError, agentNotFound } from "../../shared/errors.ts";
import { type LeveledAgent, leveledAgents } from "./agent-row.ts";

/** How an agent is read. */
export interface LoadOptions {
  isDeletedIncluded?: boolean;
  /** In a transaction it is shared with others who need it as it is, and not locked. */
  isShared?: boolean;
  /** Its sessions are counted, for an answer that tells their numbers; elsewhere they are 0, as counting may take long. */
  isCounted?: boolean;
}

/**
 * The agent that a call names, once the caller's level on it is known to reach what the call needs. In a transaction it
 * is locked, or shared with others who need it as it is, and decided upon once more, so that a grant that is being taken away has been, or has to wait. Nobody waits
 * for the lock of an agent that is not its to see: it would tell that there is one.
 *
 * @throws AppError NOT_FOUND, always the same one, where it is absent, deleted, hidden from the caller or not authentic;
 * FORBIDDEN where the caller sees it and may not do this
 */
export async function loadAgent(
  ctx: WorkspaceContext | TransactionContext,
  agentId: string,
  required: AccessLevel,
  options: LoadOptions = {},
): Promise<LeveledAgent> {
  if (!("lockAgent" in ctx.db)) return readAgent(ctx, agentId, required, options);
  await readAgent(ctx, agentId, required, { ...options, isCounted: false });
  await (options.isShared ? ctx.db.shareAgent(agentId) : ctx.db.lockAgent(agentId));
  return readAgent(ctx, agentId, required, options);
}

async function readAgent(
  ctx: WorkspaceContext | TransactionContext,
  agentId: string,
  required: AccessLevel,
  { isDeletedIncluded = false, isCounted = false }: LoadOptions,
): Promise<LeveledAgent> {
  const nowMs = ctx.clock.now();
  const view = sessionViewOf(ctx, nowMs);
  const rows = await ctx.db.agentsById({
    ids: [agentId],
    grantee: view.levels.rule.grantee,
    view: isCounted ? view : null,
    areDeletedIncluded: isDeletedIncluded,
  });
  const [agent] = await leveledAgents(ctx, rows, nowMs);
  if (!agent) throw agentNotFound();
  // A deleted agent is absent for whoever could not bring it back.
  if (agent.deletedAt !== null && !levelSatisfies(agent.accessLevel, required)) throw agentNotFound();
  assertLevel(agent, required);
  return agent;
}

/** @throws AppError as loadAgent does */
export function assertLevel({ accessLevel: actual }: Pick<LeveledAgent, "accessLevel">, required: AccessLevel): void {
  if (actual === "none") throw agentNotFound("AGENT_HIDDEN");
  if (!levelSatisfies(actual, required)) {
    throw new AppError("FORBIDDEN", `This needs the level "${required}" on the agent; yours is "${actual}"`, {
      details: { code: "INSUFFICIENT_AGENT_LEVEL", required, actual },
    });
  }
}
