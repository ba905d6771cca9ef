import type { IsolationContext } from "../../permissions/workspace-context.ts";
import type { IsolationReport } from "./schemas.ts";

/** The most audit events that are counted: a trail may be longer than a report may take. */
const MAX_EVENTS = 1_000_000;

/** How many rows of each kind the workspace has. */
export async function countRows({ db, clock }: IsolationContext): Promise<IsolationReport["metrics"]> {
  const undeleted = { deletedAt: null };
  const groups = await db.agent.groupBy({ by: ["status", "visibility"], where: undeleted, _count: { _all: true } });
  const count = (isCounted: (group: (typeof groups)[number]) => boolean) =>
    groups.filter(isCounted).reduce((total, { _count }) => total + _count._all, 0);
  const { _sum: base } = await db.agent.aggregate({ where: undeleted, _sum: { totalSessions: true, totalMessages: true } });
  const { _sum: counted } = await db.agentCounter.aggregate({
    where: { agent: undeleted },
    _sum: { sessions: true, messages: true },
  });
  return {
    totalAgents: count(() => true),
    activeAgents: count(({ status }) => status === "active"),
    inactiveAgents: count(({ status }) => status === "inactive"),
    archivedAgents: count(({ status }) => status === "archived"),
    restrictedAgents: count(({ visibility }) => visibility === "restricted"),
    deletedAgents: await db.agent.count({ where: { NOT: undeleted } }),
    totalGrants: await db.agentGrant.count({ where: {} }),
    expiredGrants: await db.agentGrant.count({ where: { expiresAt: { lte: new Date(clock.now()) } } }),
    totalSessions: (base.totalSessions ?? 0) + (counted.sessions ?? 0),
    totalMessages: (base.totalMessages ?? 0) + (counted.messages ?? 0),
    auditEvents: await db.auditEvent.count({ where: {}, take: MAX_EVENTS }),
  };
}
