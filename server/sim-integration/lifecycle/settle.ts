import { recordSimChange } from "../../audit/record-sim-change.ts";
import { isWorkspaceGone } from "../../db/errors.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { WorkspaceTransaction } from "../../db/workspace-db.ts";
import type { SimEvent } from "../sim-event.ts";
import { followArchival } from "./follow-archival.ts";
import { keepSettings } from "./keep-settings.ts";
import type { Effect, LifecycleContext } from "./lifecycle-context.ts";
import type { Scene, StatePatch, Step } from "./scene.ts";

/**
 * Afterwards the workspace is as Sim's tables say at this moment, whatever the event said of it: settings, archive, and
 * what the event's own steps look after. A workspace that Sim no longer has, or has archived without its ever having been
 * used here, is left alone: there is nothing of it. Nothing is written where nothing differs.
 */
export async function settle(ctx: LifecycleContext, event: SimEvent, steps: readonly Step[] = []): Promise<Effect> {
  const { workspaceId } = event;
  const db = ctx.openWorkspace(systemBinding(workspaceId, `lifecycle.${event.type}`));
  try {
    return await db.transaction((tx) => settleInside(ctx, event, tx, [keepSettings, followArchival, ...steps]));
  } catch (error) {
    if (isWorkspaceGone(error)) return { actions: [] };
    throw error;
  }
}

async function settleInside(
  ctx: LifecycleContext,
  event: SimEvent,
  db: WorkspaceTransaction,
  steps: readonly Step[],
): Promise<Effect> {
  const { workspaceId } = event;
  const before = await db.simWorkspace();
  const isKnown = (await db.workspaceState.count({})) > 0;
  if (!before || (before.archivedAt !== null && !isKnown)) return { actions: [] };
  const { audit } = await ctx.workspaceKeys.renew(workspaceId, db);
  await db.lockState();
  // Behind the lock, so that whoever comes last has seen the latest.
  const sim = await db.simWorkspace();
  const state = await db.workspaceState.findFirst({});
  if (!sim || !state) return { actions: [] };
  const now = new Date(ctx.clock.now());
  const actions: string[] = [];
  const patch: StatePatch = {};
  const scene: Scene = {
    ...{ workspaceId, db, sim, state: { ...state }, event, now, log: ctx.log },
    change(changes) {
      Object.assign(patch, changes);
      Object.assign(scene.state, changes);
    },
    async record(action, { target = { kind: "workspace", id: workspaceId }, ...details }) {
      actions.push(action);
      const context = { workspaceId, db, auditKeys: audit, triggeredBy: event.triggeredBy, clock: ctx.clock };
      await recordSimChange(context, { action, target, ...details });
    },
  };
  for (const step of steps) await step(scene);
  if (actions.length === 0 && Object.keys(patch).length === 0) return { actions };
  const { settings, ...columns } = patch;
  const data = { ...columns, ...(settings && { settings: { ...settings } }), syncedAt: now, updatedAt: now };
  await db.workspaceState.updateMany({ data });
  return { actions };
}
