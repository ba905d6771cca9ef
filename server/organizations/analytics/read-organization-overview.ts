import type { WorkspaceSums } from "../../db/analytics-statements.ts";
import type { OrganizationContext } from "../../permissions/organization-context.ts";
import { sessionViewOf } from "../../permissions/session-access.ts";
import { toRange } from "../../workspaces/analytics/range.ts";
import { changeBetween, ratio } from "../../workspaces/analytics/totals.ts";
import { joinSums } from "./join-sums.ts";
import type { OrganizationOverview, OrganizationOverviewInput } from "./schemas.ts";

const TOP = 10;
/** How many workspaces are read at a time, so that an organization takes no more connections than a few callers do. */
const AT_A_TIME = 4;
/** After so long no other workspace is begun with: whoever asked has an answer before it asks again. */
const MOST_MS = 10_000;

type CountedWorkspace = WorkspaceSums & { id: string; name: string };

/**
 * What the organization's live workspaces come to: each is read through its own scope and by its own guard, as the caller
 * sees it, and what they answer is added up.
 *
 * @throws AppError BAD_REQUEST where the range is none
 */
export async function readOrganizationOverview(
  ctx: OrganizationContext,
  input: OrganizationOverviewInput,
): Promise<OrganizationOverview> {
  const nowMs = ctx.clock.now();
  const range = toRange(input, nowMs);
  const { previousFrom, from, to } = range;
  const counted = await readWorkspaces(ctx, nowMs, { from: previousFrom, to, starts: [previousFrom, from] });
  const [previous, current] = [joinSums(counted, 1), joinSums(counted, 2)];
  const agentsOf = (status: keyof WorkspaceSums["agents"]) => sum(counted, ({ agents }) => agents[status]);
  const agentsByStatus = { active: agentsOf("active"), inactive: agentsOf("inactive"), archived: agentsOf("archived") };
  return {
    organizationId: ctx.organizationId,
    analyticsPeriod: range.period,
    timezone: input.timezone,
    from,
    to,
    asOf: new Date(nowMs),
    generatedAt: new Date(nowMs),
    exact: counted.length === ctx.total,
    totalWorkspaces: ctx.total,
    countedWorkspaces: counted.length,
    totalAgents: sum(counted, agentCount),
    activeAgents: agentsByStatus.active,
    agentsByStatus,
    totalSessions: current.sessionsStarted,
    activeSessions: sum(counted, ({ activeSessions }) => activeSessions),
    totalMessages: current.messages,
    current,
    previous: { ...previous, from: previousFrom, to: from },
    change: changeBetween(previous, current),
    topConsumers: counted
      .map(toConsumer)
      .sort((one, other) => other.messages - one.messages || (one.workspaceId < other.workspaceId ? -1 : 1))
      .slice(0, TOP),
  };
}

async function readWorkspaces(
  ctx: OrganizationContext,
  nowMs: number,
  query: { from: Date; to: Date; starts: Date[] },
): Promise<CountedWorkspace[]> {
  const waiting = [...ctx.workspaces];
  const endsAtMs = performance.now() + MOST_MS;
  const counted: CountedWorkspace[] = [];
  const readOn = async () => {
    for (let next = waiting.shift(); next && performance.now() < endsAtMs; next = waiting.shift()) {
      const { id, name } = next;
      const sums = await ctx.inWorkspace(id, (workspace) =>
        workspace.db.analytics.workspace({ ...query, view: sessionViewOf(workspace, nowMs) }),
      );
      if (sums) counted.push({ ...sums, id, name });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, readOn));
  return counted;
}

function toConsumer(workspace: CountedWorkspace): OrganizationOverview["topConsumers"][number] {
  const [before, now] = [1, 2].map((place) => workspace.sums.find(({ bucket }) => bucket === place));
  const messages = now?.messages ?? 0;
  const messagesBefore = before?.messages ?? 0;
  return {
    workspaceId: workspace.id,
    name: workspace.name,
    totalAgents: agentCount(workspace),
    sessionsStarted: now?.sessionsStarted ?? 0,
    messages,
    toolCalls: now?.toolCalls ?? 0,
    growth: ratio(messages - messagesBefore, messagesBefore),
  };
}

function agentCount({ agents }: WorkspaceSums): number {
  return agents.active + agents.inactive + agents.archived;
}

function sum<Item>(items: readonly Item[], numberOf: (item: Item) => number): number {
  return items.reduce((total, item) => total + numberOf(item), 0);
}
