import { recordAudit } from "../../audit/record.ts";
import type { Prisma } from "../../db/generated/client.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import type { LeveledAgent } from "../agents/agent-row.ts";
import { contentOf, loadGuideline, toGuidelineEntry } from "./guideline-row.ts";
import type { Guideline, GuidelineContent, UpdateGuidelineInput } from "./schemas.ts";

/**
 * Changes the fields given and leaves the others; null clears.
 *
 * @throws AppError NOT_FOUND where the agent has no such guideline
 */
export async function updateGuideline(
  tx: TransactionContext,
  agent: LeveledAgent,
  input: UpdateGuidelineInput,
): Promise<Guideline> {
  const { workspaceId: _, agentId: __, guidelineId, ...fields } = input;
  const isolation = { workspaceId: tx.workspaceId, verified: true };
  const row = await loadGuideline(tx, agent.id, guidelineId);
  const before = contentOf(row);
  const changed = (Object.keys(before) as (keyof GuidelineContent)[]).filter(
    (name) => fields[name] !== undefined && JSON.stringify(fields[name]) !== JSON.stringify(before[name]),
  );
  if (changed.length === 0) return { ...toGuidelineEntry(row), isolation };
  // Every field, so that there is one statement to prepare and not one for each choice of fields.
  const { metadata, ...content } = { ...before, ...fields } as GuidelineContent;
  const [updated] = await tx.db.guideline.updateManyAndReturn({
    where: { agentId: agent.id, id: guidelineId },
    data: { ...content, metadata: metadata as Prisma.InputJsonValue, updatedAt: new Date(tx.clock.now()) },
  });
  if (!updated) throw new Error("The guideline is gone while its agent is locked");
  await recordAudit(tx, {
    action: "guideline.update",
    target: { kind: "guideline", id: guidelineId },
    before: only(before, changed),
    after: only(contentOf(updated), changed),
  });
  return { ...toGuidelineEntry(updated), isolation };
}

function only(content: GuidelineContent, names: readonly (keyof GuidelineContent)[]): object {
  return Object.fromEntries(names.map((name) => [name, content[name]]));
}
