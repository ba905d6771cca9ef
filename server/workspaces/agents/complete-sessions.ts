import type { TransactionContext } from "../../permissions/workspace-context.ts";

/**
 * The agent's active sessions are completed, with whatever else the transaction does. The agent has to be locked: then
 * no session is opened or revived beside it.
 */
export async function completeSessions(tx: Pick<TransactionContext, "db">, agentId: string, at: Date): Promise<void> {
  await tx.db.session.updateMany({
    where: { agentId, status: "active" },
    data: { status: "completed", endedAt: at, updatedAt: at },
  });
}
