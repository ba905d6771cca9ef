import { recordAudit } from "../../audit/record.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import type { LeveledAgent } from "./agent-row.ts";
import { completeSessions } from "./complete-sessions.ts";
import type { DeletedAgent } from "./schemas.ts";
import { StaleRowError } from "./stale-row.ts";

/** Deletes an agent softly: it answers NOT_FOUND everywhere from then on, and can be restored for as long as it is kept. */
export async function deleteAgent(tx: TransactionContext, agent: LeveledAgent): Promise<DeletedAgent> {
  const deletedAt = new Date(tx.clock.now());
  const { count } = await tx.db.agent.updateMany({
    where: { id: agent.id, version: agent.version },
    data: { deletedAt, updatedAt: deletedAt, version: agent.version + 1 },
  });
  if (count === 0) throw new StaleRowError();
  await completeSessions(tx, agent.id, deletedAt);
  await recordAudit(tx, { action: "agent.delete", target: { kind: "agent", id: agent.id }, before: { name: agent.name } });
  return { id: agent.id, deletedAt, isolation: { workspaceId: tx.workspaceId, verified: true } };
}
