import type { WorkspaceDb } from "../../server/db/workspace-db.ts";

/** What the types of a workspace's client allow and refuse; checked by the compiler, never run. */
export async function typesOfAWorkspacesClient(db: WorkspaceDb): Promise<void> {
  const agent = await db.agent.findFirst({ where: { name: "x", grants: { some: { userId: "u" } } }, include: { grants: true } });
  const levels: string[] = (agent?.grants ?? []).map(({ level }) => level);
  const one: { name: string } | null = await db.agent.findUnique({ where: { id: "x" }, select: { name: true } });
  await db.agentGrant.update({
    where: { agentId: "x", userId: "u" },
    data: { level: "view" },
  });
  void [levels, one];

  // @ts-expect-error a filter names no workspace
  await db.agent.findMany({ where: { workspaceId: "b" } });
  // @ts-expect-error nor deep in it
  await db.agent.findMany({ where: { OR: [{ NOT: { grants: { some: { workspaceId: "b" } } } }] } });
  // @ts-expect-error nor by the compound key
  await db.agent.findUnique({ where: { workspaceId_id: { workspaceId: "b", id: "x" } } });
  // @ts-expect-error nor in data
  await db.agent.updateMany({ where: {}, data: { workspaceId: "b" } });
  // @ts-expect-error nor by way of Sim's workspace
  await db.agent.findMany({ where: { workspace: { is: { id: "b" } } } });
  // @ts-expect-error there is no raw SQL
  await db.$queryRaw`select 1`;
  // @ts-expect-error nor the client behind it
  void db.$parent;
  // @ts-expect-error nor a way to extend it
  void db.$extends;
  // @ts-expect-error nor Sim's tables
  void db.simUser;
}
