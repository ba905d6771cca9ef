import type { KeptAgent } from "../lifecycle/sim-changes.ts";

/** What an agent is but for its workspace's archive: as somebody last set it. */
export type OwnStatus = "active" | "inactive" | "archived";

interface ModelAgent {
  own: OwnStatus;
  isDeleted: boolean;
}

/** A workspace as Sim's tables have it, and what was done by hand in it: all that its state here may depend on. */
export interface ModelWorkspace {
  name: string;
  ownerId: string;
  isRemoved: boolean;
  archivedAt: Date | null;
  agents: Map<string, ModelAgent>;
  members: Set<string>;
  /** Users with a grant, each with whether they had a permission ever since. */
  grants: Map<string, { isUnbroken: boolean }>;
  /** Whether a deletion of the present archive has been delivered. */
  isDeletionDelivered: boolean;
}

export interface KeptWorkspace {
  agents: (KeptAgent & { isDeleted: boolean })[];
  grantees: string[];
  state: { settings: { name: string; ownerId: string }; archivedAt: Date | null; isDeletionAsked: boolean } | null;
}

/** Everything in which a workspace is not what the model says, a sentence each. */
export function differencesFrom(model: ModelWorkspace, kept: KeptWorkspace): string[] {
  const found: string[] = [];
  const expectEqual = (what: string, actual: unknown, expected: unknown) => {
    const [is, shouldBe] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (is !== shouldBe) found.push(`${what} is ${is} instead of ${shouldBe}`);
  };
  if (model.isRemoved) {
    expectEqual("what is left", [kept.agents.length, kept.grantees.length, kept.state], [0, 0, null]);
    return found;
  }
  const isArchived = model.archivedAt !== null;
  expectEqual("the agents' names", kept.agents.map(({ name }) => name).sort(), [...model.agents.keys()].sort());
  for (const { name, status, reason, before, isDeleted } of kept.agents) {
    const { own } = model.agents.get(name) ?? { own: "active" };
    const live = own === "archived" ? ["archived", "manual", null] : [own, null, null];
    const archived = own === "archived" ? live : ["archived", "workspace", own];
    // A deleted agent follows a restore, and need not follow an archive.
    const isFollowing = isArchived && !(isDeleted && reason !== "workspace");
    expectEqual(`${name}${isDeleted ? " (deleted)" : ""}`, [status, reason, before], isFollowing ? archived : live);
  }
  for (const userId of kept.grantees) if (!model.members.has(userId)) found.push("somebody without a permission has a grant");
  for (const [userId, { isUnbroken }] of model.grants) {
    if (isUnbroken && !kept.grantees.includes(userId)) found.push("a member's grant is gone");
  }
  if (kept.state === null) {
    if (!isArchived || model.agents.size > 0) found.push("there is no state");
    return found;
  }
  expectEqual("the settings", [kept.state.settings.name, kept.state.settings.ownerId], [model.name, model.ownerId]);
  expectEqual("the archive", kept.state.archivedAt, model.archivedAt);
  expectEqual("whether it is to be purged", kept.state.isDeletionAsked, isArchived && model.isDeletionDelivered);
  return found;
}
