import { expect } from "vitest";
import type { Workspace } from "../../../../client-sdk/src/index.ts";
import { ABSENT, type Checks, collect, refusalOf, says } from "./check.ts";

/** Every call that names something of a workspace, made to `ws` with these ids. */
const callsOn = (ws: Workspace, ids: { agentId: string; sessionId: string; guidelineId: string; userId: string }) => {
  const { agentId, sessionId, guidelineId, userId } = ids;
  const { agents, guidelines, sessions, events } = ws;
  return {
    get: () => agents.get(agentId),
    update: () => agents.update(agentId, { description: "taken" }),
    delete: () => agents.delete(agentId),
    restore: () => agents.restore(agentId),
    grants: () => agents.grants.list(agentId),
    setGrant: () => agents.grants.set(agentId, userId, { level: "manage" }),
    removeGrant: () => agents.grants.remove(agentId, userId),
    createGuideline: () => guidelines.create(agentId, { condition: "x" }),
    guidelines: () => guidelines.list(agentId),
    updateGuideline: () => guidelines.update(agentId, guidelineId, { enabled: false }),
    deleteGuideline: () => guidelines.delete(agentId, guidelineId),
    import: () => guidelines.import(agentId, { guidelines: [{ condition: "x" }], mode: "replace" }),
    export: () => guidelines.export(agentId),
    createSession: () => sessions.create({ agentId }),
    session: () => sessions.get(sessionId),
    updateSession: () => sessions.update(sessionId, { title: "taken" }),
    deleteSession: () => sessions.delete(sessionId),
    append: () => events.append(sessionId, says("x")),
    events: () => events.list(sessionId),
    stream: () => events.stream(sessionId).next(),
  } satisfies Record<string, () => PromiseLike<unknown>>;
};

export const isolationChecks: Checks = {
  async "what one workspace holds is not there in another, whoever asks and however"(world) {
    const home = world.ws("admin");
    const agent = await home.agents.create({ name: "Scout" });
    const guideline = await home.guidelines.create(agent.id, { condition: "asked" });
    const session = await home.sessions.create({ agentId: agent.id });
    await home.events.append(session.id, says("secret"));
    await home.agents.grants.set(agent.id, world.userIds.reader, { level: "interact" });
    // One who is an admin in both, so that nothing but the workspace keeps them apart.
    await world.setPermission("outsider", "admin");
    const ids = { agentId: agent.id, sessionId: session.id, guidelineId: guideline.id, userId: world.userIds.outsider };
    const absent = { agentId: ABSENT, sessionId: ABSENT, guidelineId: ABSENT, userId: world.userIds.outsider };
    const foreign = callsOn(world.elsewhere("outsider"), ids);
    const missing = callsOn(world.elsewhere("outsider"), absent);
    for (const name of Object.keys(foreign) as (keyof typeof foreign)[]) {
      const { requestId: _, ...refused } = await refusalOf(foreign[name]());
      const { requestId: __, ...asMissing } = await refusalOf(missing[name]());
      expect({ name, refused }).toEqual({ name, refused: asMissing });
      expect(refused).toMatchObject({ code: "NOT_FOUND", status: 404 });
    }
    const elsewhere = world.elsewhere("outsider");
    expect(await collect(elsewhere.agents.list({ includeArchived: true }))).toEqual([]);
    expect(await collect(elsewhere.sessions.list())).toEqual([]);
    // And nothing was done to any of it.
    expect(await home.agents.get(agent.id)).toMatchObject({ version: 1, stats: { totalSessions: 1, totalMessages: 1 } });
    expect(await home.guidelines.export(agent.id)).toMatchObject({ guidelines: [{ condition: "asked", enabled: true }] });
    expect(await home.events.list(session.id)).toMatchObject({ nextOffset: 1 });
    expect(await collect(home.agents.grants.list(agent.id))).toHaveLength(1);
  },

  async "a workspace that is closed to the caller is answered as one that is not there"(world) {
    await world.ws("admin").agents.create({ name: "Scout" });
    const { requestId: _, ...absent } = await refusalOf(world.as("outsider").workspace("no-such").agents.list());
    expect(absent).toMatchObject({ name: "NotFoundError", status: 404, message: "Workspace not found", details: undefined });
    for (const ws of [
      world.ws("outsider"),
      world.elsewhere("admin"),
      world.elsewhere("workspaceKey"),
      world.elsewhere("adminKey"),
    ]) {
      for (const call of [
        () => ws.agents.list(),
        () => ws.agents.create({ name: "" }),
        () => ws.access.me(),
        () => ws.sessions.get("no-uuid"),
      ]) {
        const { requestId: __, ...refused } = await refusalOf(call());
        expect(refused).toEqual(absent);
      }
    }
    expect(await collect(world.elsewhere("outsider").agents.list())).toEqual([]);
  },
};
