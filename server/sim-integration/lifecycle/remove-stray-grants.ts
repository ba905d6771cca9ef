import type { WorkspaceTransaction } from "../../db/workspace-db.ts";
import type { Scene, Step } from "./scene.ts";

const USERS_AT_A_TIME = 500;

/**
 * Nobody has a grant here who has no permission in the workspace any more, whether by a row of their own or by their
 * organization. Of the users that the event names, or of everyone. The agents that they created stay.
 */
export const removeStrayGrants: Step = async (scene) => {
  const { db, event } = scene;
  const named = event.userIds.length > 0 ? { in: [...event.userIds] } : undefined;
  for (let after: string | undefined; ; ) {
    const userId = { ...named, ...(after !== undefined && { gt: after }) };
    const grantees = await db.agentGrant.groupBy({
      by: ["userId"],
      where: { userId },
      orderBy: { userId: "asc" },
      take: USERS_AT_A_TIME,
    });
    const userIds = grantees.map((one) => one.userId);
    const strangers = await withoutPermission(db, userIds);
    if (strangers.length > 0) await removeGrants(scene, strangers);
    after = userIds.at(-1);
    if (userIds.length < USERS_AT_A_TIME) return;
  }
};

async function withoutPermission(db: WorkspaceTransaction, userIds: string[]): Promise<string[]> {
  if (userIds.length === 0) return [];
  const members = await db.members({ userIds, order: "asc", take: userIds.length });
  const present = new Set(members.map(({ userId }) => userId));
  return userIds.filter((userId) => !present.has(userId));
}

async function removeGrants(scene: Scene, userIds: string[]): Promise<void> {
  const { db } = scene;
  const grants = await db.agentGrant.findMany({
    where: { userId: { in: userIds } },
    select: { agentId: true, userId: true, level: true, expiresAt: true },
  });
  await db.agentGrant.deleteMany({ where: { userId: { in: userIds } } });
  for (const { agentId, ...before } of grants) {
    await scene.record("agent.grant.remove", { target: { kind: "agent", id: agentId }, before });
  }
}
