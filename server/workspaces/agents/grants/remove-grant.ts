import { recordAudit } from "../../../audit/record.ts";
import type { TransactionContext } from "../../../permissions/workspace-context.ts";
import { AppError } from "../../../shared/errors.ts";
import type { LeveledAgent } from "../agent-row.ts";
import { grantView } from "./grant-row.ts";
import type { GrantRef, RemovedGrant } from "./schemas.ts";

/**
 * The user has no grant on the agent from now on, and is left with what its permission gives; also a user who is no
 * longer in the workspace can be rid of one.
 *
 * @throws AppError NOT_FOUND where there is none
 */
export async function removeGrant(tx: TransactionContext, agent: LeveledAgent, { userId }: GrantRef): Promise<RemovedGrant> {
  const before = await tx.db.agentGrant.findFirst({ where: { agentId: agent.id, userId } });
  if (!before) throw new AppError("NOT_FOUND", "Grant not found");
  await tx.db.agentGrant.deleteMany({ where: { agentId: agent.id, userId } });
  await recordAudit(tx, { action: "agent.grant.remove", target: { kind: "agent", id: agent.id }, before: grantView(before) });
  return { agentId: agent.id, userId, isolation: { workspaceId: tx.workspaceId, verified: true } };
}
