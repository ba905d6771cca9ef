import { expect } from "vitest";
import { ABSENT, type Checks, refusalOf } from "./check.ts";

export const refusalChecks: Checks = {
  async "an input that is none is refused field by field, as the server's schema has it"(world) {
    const { agents, sessions, events } = world.ws("admin");
    const agent = await agents.create({ name: "Scout" });
    const session = await sessions.create({ agentId: agent.id });
    const issuesOf = async (call: PromiseLike<unknown>) => {
      const { code, status, message, details } = await refusalOf(call);
      expect({ code, status }).toEqual({ code: "BAD_REQUEST", status: 400 });
      const { issues } = details as { issues: { path: (string | number)[]; message: string }[] };
      const [first] = issues;
      expect(message).toBe(`${first?.path.join(".")}: ${first?.message}`);
      return issues.map(({ path, message }) => `${path.join(".")} ${message}`);
    };
    const unknown = { colour: "red", size: 1 } as object;
    expect(await issuesOf(agents.create({ name: "x", ...unknown }))).toEqual([
      "colour is not a known field",
      "size is not a known field",
    ]);
    expect(await issuesOf(agents.create({ name: "x".repeat(101), temperature: 9, tags: ["a", "b\u0007"] }))).toHaveLength(3);
    expect(await issuesOf(agents.create({ name: "a\u202eb" }))).toEqual([
      "name must not contain control, bidirectional or invisible characters",
    ]);
    expect(await issuesOf(agents.create({ name: "x", description: "\0" }))).toEqual([
      "description must not contain a NUL character",
    ]);
    expect(await issuesOf(agents.create({ name: "x", metadata: { big: "x".repeat(17_000) } }))).toEqual([
      "metadata must be at most 16384 bytes as JSON",
    ]);
    expect(await issuesOf(agents.get("no-uuid"))).toEqual(["agentId Invalid UUID"]);
    expect(await issuesOf(agents.list({ limit: 0 }))).toEqual(["limit Too small: expected number to be >=1"]);
    expect(await issuesOf(agents.grants.set(agent.id, world.userIds.reader, { level: "view", expiresAt: "soon" }))).toHaveLength(
      1,
    );
    expect(await issuesOf(events.append(session.id, []))).toHaveLength(1);
    expect(await issuesOf(events.append(session.id, { kind: "tool", source: "system", data: {} } as never))).toHaveLength(1);
    expect(await issuesOf(events.list(session.id, { waitSeconds: 26 }))).toHaveLength(1);
    expect(await issuesOf(agents.create({ name: "x" }, { idempotencyKey: "k".repeat(256) }))).toEqual([
      "Idempotency-Key must be 1 to 255 visible ASCII characters",
    ]);
    expect(await issuesOf(world.as("admin").workspace("").agents.list())).toHaveLength(1);
  },

  async "who has no good credential is nobody, whatever is asked; health needs none"(world) {
    const refused = { name: "UnauthorizedError", code: "UNAUTHORIZED", status: 401, requestId: expect.stringMatching(/./) };
    const nobody = world.ws("nobody");
    for (const call of [
      () => nobody.agents.list(),
      () => nobody.agents.get("no-uuid"),
      () => nobody.agents.create({ name: "x" }, { idempotencyKey: "k".repeat(256) }),
      () => world.elsewhere("nobody").agents.list(),
    ]) {
      expect(await refusalOf(call())).toMatchObject({ ...refused, message: "The credential is not valid or has expired" });
    }
    expect(await world.as("nobody").health()).toEqual({
      ...{ status: "healthy", integration: "sim-parlant", version: expect.stringMatching(/^\d+\.\d+\.\d+$/) },
      timestamp: expect.any(Date),
    });
    expect(await world.ws("adminKey").access.me()).toMatchObject({ permission: "admin" });
    await world.revokeAdminKey();
    expect(await refusalOf(world.ws("adminKey").access.me())).toMatchObject(refused);
  },

  async "who is in the workspace is told what is needed, before the input is looked at"(world) {
    expect(await refusalOf(world.ws("reader").agents.create({ name: "" }))).toMatchObject({
      ...{ name: "ForbiddenError", code: "FORBIDDEN", status: 403 },
      message: 'This needs the permission "write" in the workspace; yours is "read"',
      details: { code: "INSUFFICIENT_WORKSPACE_ROLE", required: "write", actual: "read" },
    });
    const agent = await world.ws("admin").agents.create({ name: "Scout" });
    const below = (required: string, actual: string) => ({
      ...{ code: "FORBIDDEN", status: 403, message: `This needs the level "${required}" on the agent; yours is "${actual}"` },
      details: { code: "INSUFFICIENT_AGENT_LEVEL", required, actual },
    });
    const { agents, sessions, guidelines } = world.ws("reader");
    expect(await refusalOf(agents.update(agent.id, { name: "x" }))).toMatchObject(below("configure", "view"));
    expect(await refusalOf(sessions.create({ agentId: agent.id }))).toMatchObject(below("interact", "view"));
    expect(await refusalOf(guidelines.create(agent.id, { condition: "x" }))).toMatchObject(below("configure", "view"));
    const writer = world.ws("writer").agents;
    expect(await refusalOf(writer.delete(agent.id))).toMatchObject(below("manage", "configure"));
    expect(await refusalOf(writer.update(agent.id, { visibility: "restricted" }))).toMatchObject(below("manage", "configure"));
    expect(await refusalOf(writer.grants.list(agent.id))).toMatchObject(below("manage", "configure"));
    expect(await world.ws("reader").agents.get(agent.id)).toMatchObject({ version: 1, visibility: "workspace" });
  },

  async "an absent thing is told as one that is not there"(world) {
    const { agents, sessions, guidelines, events } = world.ws("admin");
    const agent = await agents.create({ name: "Scout" });
    const messages: string[] = [];
    for (const call of [
      () => agents.get(ABSENT),
      () => sessions.create({ agentId: ABSENT }),
      () => sessions.get(ABSENT),
      () => events.append(ABSENT, { kind: "custom", source: "system", data: {} }),
      () => events.stream(ABSENT).next(),
      () => guidelines.update(agent.id, ABSENT, { enabled: false }),
      () => agents.grants.set(agent.id, "no-such-user", { level: "view" }),
      () => agents.grants.remove(agent.id, world.userIds.reader),
      () => world.as("admin").workspace("no-such-workspace").agents.list(),
    ]) {
      const refused = await refusalOf(call());
      expect(refused).toMatchObject({ name: "NotFoundError", code: "NOT_FOUND", status: 404, details: undefined });
      messages.push(refused.message);
    }
    expect(messages).toEqual([
      ...["Agent not found", "Agent not found", "Session not found", "Session not found", "Session not found"],
      ...["Guideline not found", "User not found", "Grant not found", "Workspace not found"],
    ]);
  },
};
