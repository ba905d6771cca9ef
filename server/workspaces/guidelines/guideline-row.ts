import { actingUserId } from "../../auth/principal.ts";
import type { Prisma } from "../../db/generated/client.ts";
import type { ScopedModels } from "../../db/workspace-types.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import { AppError } from "../../shared/errors.ts";
import { newId } from "../../shared/ids.ts";
import { type GuidelineContent, type GuidelineEntry, MAX_GUIDELINES } from "./schemas.ts";

export type GuidelineRow = Awaited<ReturnType<ScopedModels["guideline"]["findMany"]>>[number];

/** The order in which an agent's guidelines go. */
export const GUIDELINE_ORDER = [
  { priority: "desc" },
  { id: "asc" },
] as const satisfies Prisma.GuidelineOrderByWithRelationInput[];

export function toGuidelineEntry({ metadata, ...row }: GuidelineRow): GuidelineEntry {
  return { ...row, metadata: metadata as GuidelineEntry["metadata"] };
}

/** A guideline as an import takes it. */
export function contentOf(row: GuidelineRow): GuidelineContent {
  const { condition, action, description, criticality, enabled, priority, tags, metadata } = row;
  return {
    ...{ condition, action, description, criticality, enabled, priority, tags },
    metadata: metadata as GuidelineContent["metadata"],
  };
}

/** The row of a guideline that is made in this call. */
export function newGuideline(tx: TransactionContext, agentId: string, { metadata, ...content }: GuidelineContent) {
  const { principal } = tx;
  const nowMs = tx.clock.now();
  const createdAt = new Date(nowMs);
  return {
    ...content,
    id: newId(nowMs),
    agentId,
    metadata: metadata as Prisma.InputJsonValue,
    createdBy: actingUserId(principal),
    createdByKeyId: principal.kind === "personal_api_key" || principal.kind === "workspace_api_key" ? principal.keyId : null,
    createdAt,
    updatedAt: createdAt,
  };
}

/**
 * The agent has room for so many more; it is locked, so nobody else fills that meanwhile.
 *
 * @throws AppError CONFLICT where it has not
 */
export async function assertRoom(tx: TransactionContext, agentId: string, more: number): Promise<void> {
  const count = await tx.db.guideline.count({ where: { agentId } });
  if (count + more <= MAX_GUIDELINES) return;
  throw new AppError(
    "CONFLICT",
    `An agent has at most ${MAX_GUIDELINES} guidelines; this one has ${count}, and ${more} more were given`,
    {
      details: { code: "GUIDELINE_LIMIT", limit: MAX_GUIDELINES, count },
    },
  );
}

/** The guideline of the agent by its id. @throws AppError NOT_FOUND where the agent has none by it */
export async function loadGuideline(tx: TransactionContext, agentId: string, id: string): Promise<GuidelineRow> {
  const row = await tx.db.guideline.findFirst({ where: { agentId, id } });
  if (!row) throw new AppError("NOT_FOUND", "Guideline not found");
  return row;
}
