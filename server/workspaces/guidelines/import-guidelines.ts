import { recordAudit } from "../../audit/record.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import type { LeveledAgent } from "../agents/agent-row.ts";
import { once } from "../once.ts";
import { assertRoom, newGuideline } from "./guideline-row.ts";
import type { ImportedGuidelines, ImportGuidelinesInput } from "./schemas.ts";

/**
 * The agent has all of the guidelines given, or none of them, behind those that it had or in their place.
 *
 * @throws AppError CONFLICT where they are more than an agent can have
 */
export function importGuidelines(
  tx: TransactionContext,
  agent: LeveledAgent,
  input: ImportGuidelinesInput,
): Promise<ImportedGuidelines> {
  return once(tx, "guideline.import", input, async () => {
    const { mode, guidelines } = input;
    const deleted = mode === "replace" ? (await tx.db.guideline.deleteMany({ where: { agentId: agent.id } })).count : 0;
    await assertRoom(tx, agent.id, guidelines.length);
    const rows = guidelines.map((content) => newGuideline(tx, agent.id, content));
    await tx.db.guideline.createMany({ data: rows });
    const ids = rows.map(({ id }) => id);
    await recordAudit(tx, {
      action: "guideline.import",
      target: { kind: "agent", id: agent.id },
      after: { mode, created: ids.length, deleted, firstId: ids[0], lastId: ids.at(-1) },
    });
    return { created: ids.length, deleted, ids, isolation: { workspaceId: tx.workspaceId, verified: true } };
  });
}
