import type { Step } from "./scene.ts";

/** By how much the clocks of Sim's hosts may differ. */
const CLOCKS_DIFFER_MS = 60_000;

/**
 * The state says that the workspace is to be purged, and when, for as long as Sim shows it as archived. A deletion of a
 * workspace that is live, or that was archived anew since, asks for nothing. Of several it is the first that counts, the
 * one that leaves no time, and any that asks for an export: so their order does not matter.
 */
export const requestDeletion: Step = async (scene) => {
  const { sim, state, event, now, workspaceId, log } = scene;
  const occurredAt = event.occurredAt ?? now;
  if (sim.archivedAt === null || occurredAt.getTime() < sim.archivedAt.getTime() - CLOCKS_DIFFER_MS) {
    log.info({ workspaceId }, "a deletion is passed over: Sim shows the workspace as live, or has archived it since");
    return;
  }
  const askedAt = new Date(Math.min(occurredAt.getTime(), now.getTime()));
  const asked = {
    deletionRequestedAt: state.deletionRequestedAt && state.deletionRequestedAt < askedAt ? state.deletionRequestedAt : askedAt,
    deletionMode: state.deletionMode === "delete" ? state.deletionMode : event.deletion.mode,
    isExportAsked: state.isExportAsked || event.deletion.isExportAsked,
  };
  const isAsked =
    state.deletionRequestedAt?.getTime() === asked.deletionRequestedAt.getTime() &&
    state.deletionMode === asked.deletionMode &&
    state.isExportAsked === asked.isExportAsked;
  if (isAsked) return;
  scene.change(asked);
  await scene.record("workspace.delete", { after: asked });
};
