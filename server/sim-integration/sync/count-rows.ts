import type { WorkspaceDb } from "../../db/workspace-db.ts";
import type { AgentCounts, SessionCounts } from "./schemas.ts";

/** The workspace's agents, by what they are. */
export async function countAgents({ agent }: WorkspaceDb): Promise<AgentCounts> {
  const [active, inactive, archived, archivedWithWorkspace, deleted] = await Promise.all([
    agent.count({ where: { status: "active", deletedAt: null } }),
    agent.count({ where: { status: "inactive", deletedAt: null } }),
    agent.count({ where: { status: "archived", deletedAt: null } }),
    agent.count({ where: { archiveReason: "workspace", deletedAt: null } }),
    agent.count({ where: { deletedAt: { not: null } } }),
  ]);
  return { total: active + inactive + archived, active, inactive, archived, archivedWithWorkspace, deleted };
}

/** The workspace's sessions. */
export async function countSessions({ session }: WorkspaceDb): Promise<SessionCounts> {
  const [total, active] = await Promise.all([session.count({}), session.count({ where: { status: "active" } })]);
  return { total, active };
}
