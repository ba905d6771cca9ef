import type { Scene, Step } from "./scene.ts";

/** What an agent can be but archived. */
const STATUSES = ["active", "inactive"] as const;
/** Every agent, softly deleted ones too: they can be brought back. */
const DELETED_TOO = { OR: [{ deletedAt: null }, { deletedAt: { not: null } }] };

/**
 * The workspace's agents are archived exactly while Sim shows it as archived. Each remembers what it was, so that the
 * restore puts that back and touches none that somebody archived by hand. Its running sessions are completed, and stay so.
 * What a call created that was committed while the workspace was being archived is archived by whoever looks next.
 */
export const followArchival: Step = async (scene) => {
  const { sim, state } = scene;
  if (sim.archivedAt !== null) return archive(scene, sim.archivedAt);
  if (state.archivedAt !== null || state.deletionRequestedAt !== null) return restore(scene);
};

async function archive(scene: Scene, archivedAt: Date): Promise<void> {
  const { db, state, now } = scene;
  let agents = 0;
  for (const status of STATUSES) {
    const { count } = await db.agent.updateMany({
      where: { status, deletedAt: null },
      data: {
        ...{ status: "archived", statusBeforeArchive: status, archiveReason: "workspace", archivedAt: now, updatedAt: now },
        version: { increment: 1 },
      },
    });
    agents += count;
  }
  const { count: sessions } = await db.session.updateMany({
    where: { status: "active" },
    data: { status: "completed", endedAt: now, updatedAt: now },
  });
  const isAnother = state.archivedAt?.getTime() !== archivedAt.getTime();
  if (!isAnother && agents + sessions === 0) return;
  if (isAnother) scene.change({ archivedAt });
  // It was restored in between, which takes back what was asked for before.
  if (isAnother && state.archivedAt !== null) cancelDeletion(scene);
  await scene.record("workspace.archive", { after: { agents, sessions } });
}

async function restore(scene: Scene): Promise<void> {
  const { db, state, now } = scene;
  let agents = 0;
  for (const status of STATUSES) {
    const { count } = await db.agent.updateMany({
      where: { ...DELETED_TOO, archiveReason: "workspace", statusBeforeArchive: status },
      data: {
        ...{ status, statusBeforeArchive: null, archiveReason: null, archivedAt: null, updatedAt: now },
        version: { increment: 1 },
      },
    });
    agents += count;
  }
  const isDeletionCancelled = state.deletionRequestedAt !== null;
  cancelDeletion(scene);
  scene.change({ archivedAt: null });
  await scene.record("workspace.restore", { after: { agents, isDeletionCancelled } });
}

function cancelDeletion(scene: Scene): void {
  scene.change({ deletionRequestedAt: null, deletionMode: null, isExportAsked: false });
}
