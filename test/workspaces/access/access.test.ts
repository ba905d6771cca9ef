import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS, type Operation } from "../../../server/permissions/levels.ts";
import { grantPermission, makeApiKey, makeMember, makeOrganization } from "../../support/database.ts";
import type { TestServer } from "../../support/server.ts";
import type { TestUser } from "../../support/workspace.ts";
import { callsOf, makeScene, startAccessServer } from "./access-scene.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startAccessServer();
});
afterAll(() => server?.stop());

const of = (user: Pick<TestUser, "headers">) => callsOf(server.dependencies, user);
const NOBODY = "01890000-0000-7000-8000-000000000000";

describe("me", () => {
  test("says who the caller is, what it may, where that comes from and how old the decision is", async () => {
    const { workspaceId, writer, reader, admin } = await makeScene(server);
    const first = await of(writer).access.me({ workspaceId });
    expect(first).toMatchObject({
      workspaceId,
      principal: { kind: "session", id: writer.id, userId: writer.id },
      permission: "write",
      sources: [{ kind: "explicit", permission: "write", role: null }],
      levels: { workspace: "configure", restricted: "none", own: "manage" },
      decision: { source: "database" },
    });
    const second = await of(writer).access.me({ workspaceId });
    expect(second.decision).toMatchObject({ source: "cache", decidedAt: first.decision.decidedAt });
    expect(second.decision.ageMs).toBeGreaterThanOrEqual(0);
    expect((await of(reader).access.me({ workspaceId })).levels).toEqual({ workspace: "view", restricted: "none", own: "view" });
    const levels = { workspace: "manage", restricted: "manage", own: "manage" };
    expect((await of(admin).access.me({ workspaceId })).levels).toEqual(levels);
  });

  test("names the organization's role beside the own row, and a workspace key as itself", async () => {
    const { workspaceId, admin, reader } = await makeScene(server);
    const { owner } = server.database;
    const organization = await makeOrganization(owner);
    await owner.query("update workspace set organization_id = $2 where id = $1", [workspaceId, organization.id]);
    await makeMember(owner, { organizationId: organization.id, userId: reader.id, role: "owner" });
    expect(await of(reader).access.me({ workspaceId })).toMatchObject({
      permission: "admin",
      sources: [
        { kind: "explicit", permission: "read" },
        { kind: "organization", permission: "admin", role: "owner" },
      ],
    });
    const key = await makeApiKey(owner, { userId: admin.id, workspaceId });
    expect(await of({ headers: { "x-api-key": key.plain } }).access.me({ workspaceId })).toMatchObject({
      principal: { kind: "workspace_api_key", id: key.id, userId: null },
      permission: "write",
      sources: [{ kind: "workspace_api_key", permission: "write" }],
    });
  });

  test("a remembered decision that no longer holds is answered as it stands now", async () => {
    const { workspaceId, writer } = await makeScene(server);
    await of(writer).access.me({ workspaceId });
    await grantPermission(server.database.owner, { userId: writer.id, workspaceId, permission: "read" });
    expect(await of(writer).access.me({ workspaceId })).toMatchObject({ permission: "read", decision: { source: "database" } });
    await server.database.owner.query("delete from permissions where user_id = $1", [writer.id]);
    await expect(of(writer).access.me({ workspaceId })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("check", () => {
  /** Calls of operations that change nothing lasting, by which the answers are judged. */
  const CALLS: Partial<Record<Operation, (user: TestUser, workspaceId: string, agentId: string) => Promise<unknown>>> = {
    "agent:get": (user, workspaceId, agentId) => of(user).agents.get({ workspaceId, agentId }),
    "agent:update": (user, workspaceId, agentId) => of(user).agents.update({ workspaceId, agentId }),
    "grant:list": (user, workspaceId, agentId) => of(user).agents.grants.list({ workspaceId, agentId }),
    "agent:list": (user, workspaceId) => of(user).agents.list({ workspaceId }),
    "access:members": (user, workspaceId) => of(user).access.members({ workspaceId }),
  };

  test("answers as the calls themselves would be, for every user and agent", async () => {
    const { workspaceId, admins, admin, writer, reader, open, hidden } = await makeScene(server);
    const { id: gone } = await admins.agents.create({ workspaceId, name: "Gone" });
    await admins.agents.delete({ workspaceId, agentId: gone });
    await admins.agents.grants.set({ workspaceId, agentId: hidden, userId: reader.id, level: "configure" });
    await admins.agents.grants.set({ workspaceId, agentId: open, userId: writer.id, level: "view" });
    for (const user of [admin, writer, reader]) {
      for (const agentId of [open, hidden, gone, NOBODY]) {
        const checks = Object.keys(CALLS).map((operation) =>
          "agent" in OPERATIONS[operation as Operation] ? { operation, agentId } : { operation },
        );
        const { data } = await of(user).access.check({ workspaceId, checks: checks as never });
        const outcomes = await Promise.all(
          Object.values(CALLS).map((call) =>
            call(user, workspaceId, agentId).then(
              () => null,
              (error) => (error.code === "NOT_FOUND" ? "NOT_FOUND" : error.cause.details.code),
            ),
          ),
        );
        expect(data.map(({ reason }) => reason)).toEqual(outcomes);
        expect(data.map(({ allowed }) => allowed)).toEqual(outcomes.map((reason) => reason === null));
      }
    }
  });

  test("an absent, a deleted and a hidden agent are answered alike", async () => {
    const { workspaceId, admins, reader, hidden } = await makeScene(server);
    const { id: gone } = await admins.agents.create({ workspaceId, name: "Gone" });
    await admins.agents.delete({ workspaceId, agentId: gone });
    const other = await makeScene(server);
    const answers = await Promise.all(
      [NOBODY, gone, hidden, other.open].map(async (agentId) => {
        const checks = (["agent:get", "agent:restore", "grant:set"] as const).map((operation) => ({ operation, agentId }));
        const { data } = await of(reader).access.check({ workspaceId, checks });
        const why = await of(reader).access.explain({ workspaceId, question: { operation: "agent:get", agentId } });
        return JSON.stringify([data, why]).replaceAll(agentId, "<agent>");
      }),
    );
    expect(new Set(answers).size).toBe(1);
  });

  test("a hundred questions in any order, some asked twice, are each answered for itself, by one statement", async () => {
    const { workspaceId, admins, writer, open } = await makeScene(server);
    const ids = [open, NOBODY];
    for (let index = 0; index < 8; index++) {
      const visibility = index % 2 ? "restricted" : "workspace";
      ids.push((await admins.agents.create({ workspaceId, name: `Agent ${index}`, visibility })).id);
    }
    const operations = ["agent:get", "agent:update", "agent:delete"] as const;
    const checks = Array.from({ length: 100 }, (_, index) => ({
      operation: operations[(index * 7) % 3] ?? "agent:get",
      agentId: ids[(index * 13) % ids.length] ?? "",
    }));
    const { data } = await of(writer).access.check({ workspaceId, checks });
    expect(data.map(({ operation, agentId }) => ({ operation, agentId }))).toEqual(checks);
    for (const [index, check] of checks.entries()) {
      const alone = await of(writer).access.check({ workspaceId, checks: [check] });
      expect(alone.data).toEqual([data[index]]);
    }
  });

  test("rests on the present, also where no agent is asked for", async () => {
    const { workspaceId, writer } = await makeScene(server);
    const ask = () => of(writer).access.check({ workspaceId, checks: [{ operation: "agent:create" }] });
    expect((await ask()).data).toMatchObject([{ allowed: true, actual: "write" }]);
    await grantPermission(server.database.owner, { userId: writer.id, workspaceId, permission: "read" });
    expect((await ask()).data).toMatchObject([{ allowed: false, reason: "INSUFFICIENT_WORKSPACE_ROLE", actual: "read" }]);
    await server.database.owner.query("delete from permissions where user_id = $1", [writer.id]);
    await expect(ask()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("refuses more than a hundred, none, and a question that is none", async () => {
    const { workspaceId, reader, open } = await makeScene(server);
    for (const checks of [
      [],
      Array(101).fill({ operation: "agent:list" }),
      [{ operation: "agent:get" }],
      [{ operation: "agent:list", agentId: open }],
      [{ operation: "agent:own", agentId: open }],
    ]) {
      await expect(of(reader).access.check({ workspaceId, checks })).rejects.toMatchObject({ code: "BAD_REQUEST" });
    }
  });
});
