import { recordAudit } from "../../../audit/record.ts";
import { actingUserId } from "../../../auth/principal.ts";
import { effectivePermission } from "../../../permissions/levels.ts";
import type { TransactionContext } from "../../../permissions/workspace-context.ts";
import { userNotFound } from "../../../shared/errors.ts";
import type { LeveledAgent } from "../agent-row.ts";
import { grantView, toGrantEntry } from "./grant-row.ts";
import type { Grant, SetGrantInput } from "./schemas.ts";

/**
 * The user's grant on the agent is this one from now on, in the place of any before. It is kept as given; what it comes
 * to is decided with the user's permission at each call.
 *
 * @throws AppError NOT_FOUND where the user has no permission in the workspace
 */
export async function setGrant(tx: TransactionContext, agent: LeveledAgent, input: SetGrantInput): Promise<Grant> {
  const { userId, level, expiresAt } = input;
  await assertMember(tx, userId);
  const isolation = { workspaceId: tx.workspaceId, verified: true };
  const before = await tx.db.agentGrant.findFirst({ where: { agentId: agent.id, userId } });
  if (before?.level === level && before.expiresAt?.getTime() === expiresAt?.getTime()) {
    return { ...toGrantEntry(before), isolation };
  }
  const updatedAt = new Date(tx.clock.now());
  const data = { level, expiresAt, grantedBy: actingUserId(tx.principal), updatedAt };
  // The agent is locked, so nobody else writes its grants between the look and the write.
  const [grant] = before
    ? await tx.db.agentGrant.updateManyAndReturn({ where: { agentId: agent.id, userId }, data })
    : await tx.db.agentGrant.createManyAndReturn({ data: [{ agentId: agent.id, userId, createdAt: updatedAt, ...data }] });
  if (!grant) throw new Error("The grant that was written is not there");
  await recordAudit(tx, {
    action: "agent.grant.set",
    target: { kind: "agent", id: agent.id },
    ...(before && { before: grantView(before) }),
    after: grantView(grant),
  });
  return { ...toGrantEntry(grant), isolation };
}

async function assertMember(tx: TransactionContext, userId: string): Promise<void> {
  const [facts] = await tx.db.members({ userIds: [userId], order: "asc", take: 1 });
  if (!facts) throw userNotFound();
  const permission = effectivePermission({ own: facts.ownPermission, organizationRole: facts.organizationRole });
  if (permission === null) throw userNotFound();
}
