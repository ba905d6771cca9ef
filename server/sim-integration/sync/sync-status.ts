import type { SyncFacts } from "../../db/sync-batch.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { WorkspaceDb } from "../../db/workspace-db.ts";
import type { IsolationFacts } from "../../isolation/health.ts";
import { countAgents, countSessions } from "./count-rows.ts";
import type { AgentCounts, SessionCounts, SyncStatus, SyncStatusInput } from "./schemas.ts";
import type { SyncContext } from "./sync-context.ts";
import { readFacts } from "./sync-workspaces.ts";

/** After so many intervals in which nothing repaired it, what differs is no mere lag. */
const INTERVALS_OF_LAG = 3;

/** What began longer ago was cut off: no transaction lasts longer than a quarter of it. */
const LONGEST_SYNC_MS = 60_000;

const DELIVERY_STATUSES = ["pending", "failed", "dead", "done"] as const;

type Difference = SyncStatus["differences"][number];

/**
 * How the workspace stands beside Sim at this moment: compared now, and not as some earlier look had it.
 *
 * @throws AppError NOT_FOUND where Sim has no such workspace
 */
export async function readSyncStatus(
  ctx: SyncContext & { isolation: Pick<IsolationFacts, "health"> },
  { workspaceId }: SyncStatusInput,
): Promise<SyncStatus> {
  const facts = await readFacts(ctx, workspaceId);
  const db = ctx.lifecycle.openWorkspace(systemBinding(workspaceId, "sync.status"));
  const nowMs = ctx.lifecycle.clock.now();
  const [state, agents, sessions, lastEvent, deliveries, health] = await Promise.all([
    db.workspaceState.findFirst({}),
    countAgents(db),
    countSessions(db),
    readLastEvent(db),
    readDeliveries(db),
    ctx.isolation.health(workspaceId),
  ]);
  const differences = [...differencesOf(facts), ...countsThatDiffer(facts, agents, sessions)];
  const lagMs = differences.length === 0 ? 0 : Math.max(0, nowMs - facts.changedAt.getTime());
  const sweep = ctx.latestSweep();
  return {
    workspaceId,
    isolationStatus: health.status,
    syncHealth: differences.length === 0 && deliveries.deadLetters === 0 ? "healthy" : "warning",
    dataConsistency:
      differences.length === 0 ? "consistent" : lagMs <= INTERVALS_OF_LAG * ctx.intervalMs ? "lagging" : "inconsistent",
    differences,
    isArchived: facts.isArchived,
    lastSync: state?.syncedAt ?? null,
    lastEvent,
    ...deliveries,
    lagMs,
    syncing: syncingOf(state, nowMs),
    sweep: sweep && { startedAt: sweep.startedAt, finishedAt: sweep.finishedAt },
    deletion: deletionOf(state, ctx.purgeAfterMs),
    agentCount: agents.total,
    activeSessions: sessions.active,
    agents,
    sessions,
    checkedAt: new Date(nowMs),
  };
}

function differencesOf(facts: SyncFacts): Difference[] {
  const archived = facts.isArchived ? "Sim has archived the workspace" : "Sim has restored the workspace";
  const found: [boolean, Difference][] = [
    [facts.isNew, { what: "state", message: "The workspace has not been used or synced here yet" }],
    [facts.isOwnerAnother, { what: "owner", message: "Sim has another owner of the workspace" }],
    [facts.isChanged && !facts.isOwnerAnother, { what: "settings", message: "Sim has changed the workspace's row" }],
    [facts.isArchivalBehind, { what: "archive", message: `${archived}, and its agents have not followed yet` }],
    [facts.hasStrayGrants, { what: "grants", message: "Somebody has a grant who has no permission in the workspace any more" }],
    [facts.isPurgeDue, { what: "purge", message: "Sim deleted the workspace, and the time of its purge has come" }],
  ];
  return found.filter(([differs]) => differs).map(([, difference]) => difference);
}

/** What must be so once the archive or the restore has been carried out. */
function countsThatDiffer(
  { isArchived, isArchivalBehind }: SyncFacts,
  agents: AgentCounts,
  sessions: SessionCounts,
): Difference[] {
  if (isArchivalBehind) return [];
  const unarchived = agents.active + agents.inactive;
  const found: [boolean, Difference][] = [
    [
      isArchived && unarchived > 0,
      { what: "agents", message: `${unarchived} agents are not archived, although the workspace is` },
    ],
    [
      !isArchived && agents.archivedWithWorkspace > 0,
      { what: "agents", message: `${agents.archivedWithWorkspace} agents are archived with the workspace, which is not` },
    ],
    [
      isArchived && sessions.active > 0,
      { what: "sessions", message: `${sessions.active} sessions run in an archived workspace` },
    ],
  ];
  return found.filter(([differs]) => differs).map(([, difference]) => difference);
}

async function readLastEvent(db: WorkspaceDb): Promise<SyncStatus["lastEvent"]> {
  return db.auditEvent.findFirst({
    where: { actorId: "sim", actorKind: "internal" },
    orderBy: { id: "desc" },
    select: { action: true, occurredAt: true },
  });
}

/** How it stands with what Sim told: each by a look-up in the index, however many were carried out. */
async function readDeliveries({
  webhookDelivery,
}: WorkspaceDb): Promise<Pick<SyncStatus, "lastEventAt" | "pendingDeliveries" | "deadLetters">> {
  const [pendingDeliveries, deadLetters, ...latest] = await Promise.all([
    webhookDelivery.count({ where: { status: { in: ["pending", "failed"] } } }),
    webhookDelivery.count({ where: { status: "dead" } }),
    ...DELIVERY_STATUSES.map((status) =>
      webhookDelivery.findFirst({ where: { status }, orderBy: { receivedAt: "desc" }, select: { receivedAt: true } }),
    ),
  ]);
  const times = latest.flatMap((delivery) => (delivery ? delivery.receivedAt.getTime() : []));
  return { pendingDeliveries, deadLetters, lastEventAt: times.length === 0 ? null : new Date(Math.max(...times)) };
}

function syncingOf(state: { syncStartedAt: Date | null } | null, nowMs: number): SyncStatus["syncing"] {
  const startedAt = state?.syncStartedAt;
  return startedAt && startedAt.getTime() + LONGEST_SYNC_MS > nowMs ? { startedAt } : null;
}

function deletionOf(
  state: { deletionRequestedAt: Date | null; deletionMode: "archive" | "delete" | null; isExportAsked: boolean } | null,
  purgeAfterMs: number,
): SyncStatus["deletion"] {
  if (!state?.deletionRequestedAt || !state.deletionMode) return null;
  const { deletionRequestedAt: requestedAt, deletionMode: mode, isExportAsked } = state;
  const purgeAt = mode === "delete" ? requestedAt : new Date(requestedAt.getTime() + purgeAfterMs);
  return { requestedAt, mode, isExportAsked, purgeAt };
}
