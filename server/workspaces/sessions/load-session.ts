import type { AgentOfSession, LeveledSessionRow } from "../../db/session-view.ts";
import type { AccessLevel } from "../../permissions/levels.ts";
import { type OpenedSession, openerOf, seesSession, sessionViewOf } from "../../permissions/session-access.ts";
import type { TransactionContext, WorkspaceContext } from "../../permissions/workspace-context.ts";
import { sessionNotFound } from "../../shared/errors.ts";
import { assertLevel } from "../agents/load-agent.ts";
import { authenticSessions } from "./session-row.ts";

/**
 * The session that a call names, once the caller is known to see it and its level on the agent to reach what the call
 * needs. In a transaction it is locked and decided upon once more; nobody waits for the lock of one that is not its to see.
 *
 * @throws AppError NOT_FOUND, always the same one, where it is absent, hidden from the caller, not authentic or of a
 * deleted agent; FORBIDDEN where the caller sees it and may not do this
 */
export async function loadSession(
  ctx: WorkspaceContext | TransactionContext,
  sessionId: string,
  required: AccessLevel,
): Promise<LeveledSessionRow> {
  const session = await readSession(ctx, sessionId, required);
  if (!("lockSession" in ctx.db)) return session;
  await ctx.db.lockSession(sessionId);
  return readSession(ctx, sessionId, required);
}

async function readSession(
  ctx: WorkspaceContext | TransactionContext,
  sessionId: string,
  required: AccessLevel,
): Promise<LeveledSessionRow> {
  const rows = await ctx.db.sessionsById({ ids: [sessionId], view: sessionViewOf(ctx, ctx.clock.now()) });
  const [session] = await authenticSessions(ctx, rows);
  if (!session) throw sessionNotFound();
  assertSees(ctx, session);
  assertLevel({ accessLevel: session.agentLevel }, required);
  return session;
}

/** @throws AppError NOT_FOUND where the session is hidden from the caller */
export function assertSees(
  { principal }: Pick<WorkspaceContext, "principal">,
  session: OpenedSession & Pick<AgentOfSession, "agentLevel" | "agentIsolationLevel">,
): void {
  const viewer = { level: session.agentLevel, opener: openerOf(principal) };
  if (!seesSession(viewer, session.agentIsolationLevel, session)) throw sessionNotFound("SESSION_HIDDEN");
}
