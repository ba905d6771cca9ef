import { isDeepStrictEqual } from "node:util";
import type { SimSettings } from "../../db/sim-workspace.ts";
import type { Step } from "./scene.ts";

/**
 * The state has what Sim's row says of the workspace. The trail tells of the workspace that is new here, of an owner who
 * is another one, and of any other change, each with what it was before.
 */
export const keepSettings: Step = async (scene) => {
  const { sim, state } = scene;
  const kept = state.settings as Partial<SimSettings>;
  if (state.syncedAt !== null && isDeepStrictEqual(kept, sim.settings)) return;
  scene.change({ settings: sim.settings });
  if (state.syncedAt === null) return scene.record("workspace.create", { after: sim.settings });
  const { ownerId: owner, ...others } = kept;
  const { ownerId, ...present } = sim.settings;
  if (owner !== ownerId) await scene.record("workspace.ownership_transfer", { before: { ownerId: owner }, after: { ownerId } });
  if (!isDeepStrictEqual(others, present)) await scene.record("workspace.update", { before: others, after: present });
};
