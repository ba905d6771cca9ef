import { recordAudit } from "../../audit/record.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import type { LeveledAgent } from "../agents/agent-row.ts";
import { once } from "../once.ts";
import { assertRoom, contentOf, newGuideline, toGuidelineEntry } from "./guideline-row.ts";
import type { CreateGuidelineInput, Guideline } from "./schemas.ts";

/**
 * Gives the agent a guideline; under an Idempotency-Key once.
 *
 * @throws AppError CONFLICT where it has as many as an agent can have
 */
export function createGuideline(tx: TransactionContext, agent: LeveledAgent, input: CreateGuidelineInput): Promise<Guideline> {
  const { workspaceId: _, agentId: __, ...content } = input;
  return once(tx, "guideline.create", input, async () => {
    await assertRoom(tx, agent.id, 1);
    const row = await tx.db.guideline.create({ data: newGuideline(tx, agent.id, content) });
    await recordAudit(tx, {
      action: "guideline.create",
      target: { kind: "guideline", id: row.id },
      after: { agentId: agent.id, ...contentOf(row) },
    });
    return { ...toGuidelineEntry(row), isolation: { workspaceId: tx.workspaceId, verified: true } };
  });
}
