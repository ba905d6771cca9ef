import { recordAudit } from "../../audit/record.ts";
import type { LeveledSessionRow } from "../../db/session-view.ts";
import { levelSatisfies } from "../../permissions/levels.ts";
import { isOpenedBy, openerOf } from "../../permissions/session-access.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import { assertLevel } from "../agents/load-agent.ts";
import type { DeletedSession } from "./schemas.ts";

/**
 * Deletes a session and its events for good, and they count no longer.
 *
 * @throws AppError FORBIDDEN where the caller neither opened it nor manages its agent
 */
export async function deleteSession(tx: TransactionContext, session: LeveledSessionRow): Promise<DeletedSession> {
  const { id, agentId, agentLevel, title, customerId, eventCount, messageCount } = session;
  if (!isOpenedBy(openerOf(tx.principal), session) && !levelSatisfies(agentLevel, "manage")) {
    assertLevel({ accessLevel: agentLevel }, "manage");
  }
  await tx.db.session.deleteMany({ where: { id } });
  await tx.db.countSession({ agentId, sessionId: id, sessions: -1, messages: -messageCount, activeAt: null });
  await recordAudit(tx, {
    action: "session.delete",
    target: { kind: "session", id },
    before: { agentId, title, customerId, eventCount },
  });
  return { id, isolation: { workspaceId: tx.workspaceId, verified: true } };
}
