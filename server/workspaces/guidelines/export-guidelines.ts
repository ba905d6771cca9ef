import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { LeveledAgent } from "../agents/agent-row.ts";
import { contentOf, GUIDELINE_ORDER } from "./guideline-row.ts";
import { type ExportedGuidelines, MAX_GUIDELINES } from "./schemas.ts";

/** All of an agent's guidelines, as an import takes them. */
export async function exportGuidelines(ctx: WorkspaceContext, agent: LeveledAgent): Promise<ExportedGuidelines> {
  const rows = await ctx.db.guideline.findMany({
    where: { agentId: agent.id },
    orderBy: [...GUIDELINE_ORDER],
    take: MAX_GUIDELINES,
  });
  return { agentId: agent.id, guidelines: rows.map(contentOf), isolation: { workspaceId: ctx.workspaceId, verified: true } };
}
