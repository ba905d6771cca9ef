import { isOutOfStep, readSyncBatch, type SyncFacts } from "../../db/sync-batch.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { WorkspaceDb } from "../../db/workspace-db.ts";
import { AppError, workspaceNotFound } from "../../shared/errors.ts";
import { applyEvent } from "../lifecycle/apply-event.ts";
import { eventOf, toEvents } from "../reconcile/to-events.ts";
import type { SimEvent } from "../sim-event.ts";
import { countAgents, countSessions } from "./count-rows.ts";
import type { SyncedWorkspaces, SyncWorkspacesInput } from "./schemas.ts";
import type { SyncContext } from "./sync-context.ts";

type Synced = SyncedWorkspaces["workspaces"][number];

/**
 * The workspaces are in step with Sim, but for those that are named as failed; one that fails holds up no other. While it
 * goes on, the sync status of each says so, from any instance.
 */
export async function syncWorkspaces(ctx: SyncContext, input: SyncWorkspacesInput): Promise<SyncedWorkspaces> {
  const { clock, log } = ctx.lifecycle;
  const startedMs = clock.now();
  const workspaces: Synced[] = [];
  const failedWorkspaces: SyncedWorkspaces["failedWorkspaces"] = [];
  for (const workspaceId of new Set(input.workspaceIds)) {
    try {
      workspaces.push(await syncWorkspace(ctx, workspaceId, input));
    } catch (error) {
      if (!(error instanceof AppError)) {
        log.warn({ workspaceId, err: { message: String(error) } }, "a workspace could not be brought in step with Sim");
      }
      const told = error instanceof AppError ? error.message : "It could not be brought in step; the server's log says why";
      failedWorkspaces.push({ workspaceId, error: told });
    }
  }
  const total = (of: (synced: Synced) => number) => workspaces.reduce((sum, synced) => sum + of(synced), 0);
  return {
    syncedWorkspaces: workspaces.map(({ workspaceId }) => workspaceId),
    failedWorkspaces,
    workspaces,
    totalAgentsSynced: total(({ agents }) => agents?.total ?? 0),
    totalSessionsSynced: total(({ sessions }) => sessions?.total ?? 0),
    syncTimestamp: new Date(startedMs),
    syncDurationMs: clock.now() - startedMs,
  };
}

/** @throws AppError NOT_FOUND where Sim has no such workspace; CONFLICT where Sim changed it again meanwhile */
async function syncWorkspace(ctx: SyncContext, workspaceId: string, input: SyncWorkspacesInput): Promise<Synced> {
  const db = ctx.lifecycle.openWorkspace(systemBinding(workspaceId, "sync"));
  const facts = await readFacts(ctx, workspaceId);
  const mark = (syncStartedAt: Date | null) => db.workspaceState.updateMany({ data: { syncStartedAt } });
  await mark(new Date(ctx.lifecycle.clock.now()));
  try {
    const actions: string[] = [];
    for (const event of input.fullSync ? everyEvent(workspaceId) : toEvents(facts)) {
      actions.push(...(await applyEvent(ctx.lifecycle, event)).actions);
    }
    const after = await readFacts(ctx, workspaceId);
    // What is to be purged is the sweep's business, and what was archived just now is looked at again by it.
    if (isOutOfStep({ ...after, isPurgeDue: false, isJustArchived: false })) {
      throw new AppError("CONFLICT", "Sim changed the workspace meanwhile; sync it again");
    }
    await db.workspaceState.updateMany({ data: { syncedAt: new Date(ctx.lifecycle.clock.now()) } });
    return { workspaceId, actions, ...(await countRows(db, input)) };
  } finally {
    await mark(null);
  }
}

async function countRows(db: WorkspaceDb, { includeAgents, includeSessions }: SyncWorkspacesInput) {
  return {
    agents: includeAgents ? await countAgents(db) : null,
    sessions: includeSessions ? await countSessions(db) : null,
  };
}

/** @throws AppError NOT_FOUND where Sim has no such workspace */
export async function readFacts(ctx: SyncContext, workspaceId: string): Promise<SyncFacts> {
  const { sim, features, purgeAfterMs, lifecycle } = ctx;
  const times = { nowMs: lifecycle.clock.now(), purgeAfterMs };
  const { rows } = await readSyncBatch(sim, features, { workspaceIds: [workspaceId] }, times);
  const [facts] = rows;
  if (!facts) throw workspaceNotFound("WORKSPACE_NOT_LIVE");
  return facts;
}

/** Those that look at everything: settings and archive, and then permissions and grants. */
function everyEvent(workspaceId: string): SimEvent[] {
  return [eventOf(workspaceId, "workspace_updated"), eventOf(workspaceId, "workspace_permissions_updated")];
}
