import { actingUserId, type Principal } from "../auth/principal.ts";
import type { SessionOpener, SessionView } from "../db/session-opener.ts";
import { type AccessLevel, levelSatisfies } from "./levels.ts";
import { levelRuleOf, type TransactionContext, type WorkspaceContext } from "./workspace-context.ts";

/** Whose sessions count as a principal's own: its user's, whichever way that one comes, or those of a key without a user. */
export function openerOf(principal: Principal): SessionOpener | null {
  const userId = actingUserId(principal);
  if (userId !== null) return { userId };
  return principal.kind === "workspace_api_key" ? { createdByKeyId: principal.keyId } : null;
}

/** Whose session it is. */
export interface OpenedSession {
  userId: string | null;
  createdByKeyId: string | null;
}

export function isOpenedBy(opener: SessionOpener | null, { userId, createdByKeyId }: OpenedSession): boolean {
  if (opener === null) return false;
  return "userId" in opener ? userId === opener.userId : userId === null && createdByKeyId === opener.createdByKeyId;
}

/**
 * Whether a caller sees a session: who manages its agent sees every one, who sees the agent its own ones, and all of them
 * where the agent shares them. seesSessionSql states the same in SQL.
 */
export function seesSession(
  { level, opener }: { level: AccessLevel; opener: SessionOpener | null },
  isolationLevel: "strict" | "workspace",
  session: OpenedSession,
): boolean {
  if (levelSatisfies(level, "manage")) return true;
  return levelSatisfies(level, "view") && (isolationLevel === "workspace" || isOpenedBy(opener, session));
}

/** The caller's view of sessions at a moment, since grants expire. */
export function sessionViewOf(ctx: WorkspaceContext | TransactionContext, nowMs: number): SessionView {
  return { levels: { rule: levelRuleOf(ctx), nowMs }, opener: openerOf(ctx.principal) };
}
