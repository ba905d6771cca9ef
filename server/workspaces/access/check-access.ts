import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { authenticRows } from "../agents/agent-row.ts";
import { concealed, decideOperation } from "./decide-operation.ts";
import type { AccessAnswers, AccessQuestion, CheckAccessInput } from "./schemas.ts";
import { callerAsSubject } from "./subject.ts";

/** Whether the caller may do each of the operations, all decided upon one statement. */
export async function checkAccess(ctx: WorkspaceContext, { checks }: CheckAccessInput): Promise<AccessAnswers> {
  const subject = callerAsSubject(ctx);
  const nowMs = ctx.clock.now();
  // Made for no agent too: its guard is what makes a remembered decision the present one.
  const rows = await ctx.db.agentsById({
    ids: [...new Set(checks.flatMap((check) => agentIdOf(check) ?? []))],
    grantee: subject.rule?.grantee ?? null,
    view: null,
    areDeletedIncluded: true,
  });
  const agents = new Map((await authenticRows(ctx, rows)).map((row) => [row.id, row]));
  const { agentRetentionMs: retentionMs } = ctx.settings;
  return {
    data: checks.map((check) => {
      const agentId = agentIdOf(check);
      const agent = agentId === null ? undefined : agents.get(agentId);
      const { allowed, reason, required, actual } = concealed(
        decideOperation({ subject, operation: check.operation, agent, nowMs, retentionMs }),
      );
      return { operation: check.operation, agentId, allowed, reason, required, actual };
    }),
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}

function agentIdOf(check: AccessQuestion): string | null {
  return "agentId" in check ? check.agentId : null;
}
