import { recordAudit } from "../../audit/record.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import type { LeveledAgent } from "../agents/agent-row.ts";
import { contentOf, loadGuideline } from "./guideline-row.ts";
import type { DeletedGuideline, GuidelineRef } from "./schemas.ts";

/**
 * The guideline is gone for good.
 *
 * @throws AppError NOT_FOUND where the agent has no such guideline
 */
export async function deleteGuideline(
  tx: TransactionContext,
  agent: LeveledAgent,
  { guidelineId }: GuidelineRef,
): Promise<DeletedGuideline> {
  const row = await loadGuideline(tx, agent.id, guidelineId);
  await tx.db.guideline.deleteMany({ where: { agentId: agent.id, id: guidelineId } });
  await recordAudit(tx, {
    action: "guideline.delete",
    target: { kind: "guideline", id: guidelineId },
    before: { agentId: agent.id, ...contentOf(row) },
  });
  return { id: guidelineId, isolation: { workspaceId: tx.workspaceId, verified: true } };
}
