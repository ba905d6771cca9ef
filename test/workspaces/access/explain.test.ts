import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Operation } from "../../../server/permissions/levels.ts";
import { explainAccess } from "../../../server/workspaces/access/explain-access.ts";
import { grantPermission } from "../../support/database.ts";
import type { TestServer } from "../../support/server.ts";
import { makeSignedInUser, type TestUser } from "../../support/workspace.ts";
import { callsOf, makeScene, startAccessServer } from "./access-scene.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startAccessServer();
});
afterAll(() => server?.stop());

const of = (user: Pick<TestUser, "headers">) => callsOf(server.dependencies, user);
const NOBODY = "01890000-0000-7000-8000-000000000000";

describe("explain", () => {
  const explain = (user: TestUser, workspaceId: string, operation: Operation, agentId?: string, userId?: string) =>
    of(user).access.explain({
      workspaceId,
      question: (agentId === undefined ? { operation } : { operation, agentId }) as never,
      ...(userId && { userId }),
    });

  test("names the rule that decided, and each single change that would do", async () => {
    const { workspaceId, admins, admin, writer, reader, open } = await makeScene(server);
    expect(await explain(admin, workspaceId, "agent:delete", open)).toMatchObject({
      allowed: true,
      rule: "admin",
      sufficient: [],
    });
    expect(await explain(writer, workspaceId, "agent:update", open)).toMatchObject({ allowed: true, rule: "permission" });
    expect(await explain(writer, workspaceId, "agent:delete", open)).toMatchObject({
      allowed: false,
      rule: "permission",
      required: "manage",
      actual: "configure",
      sufficient: [
        { kind: "permission", value: "admin" },
        { kind: "grant", value: "manage" },
      ],
    });
    // A grant gives a read user no more than interact.
    expect((await explain(reader, workspaceId, "agent:update", open)).sufficient).toEqual([
      { kind: "permission", value: "write" },
    ]);
    expect(await explain(reader, workspaceId, "agent:create")).toMatchObject({
      rule: "workspace_permission",
      sufficient: [{ kind: "permission", value: "write" }],
    });
    await admins.agents.grants.set({ workspaceId, agentId: open, userId: writer.id, level: "view" });
    expect(await explain(writer, workspaceId, "agent:update", open)).toMatchObject({
      allowed: false,
      rule: "grant",
      sufficient: [
        { kind: "permission", value: "admin" },
        { kind: "grant", value: "configure" },
        { kind: "grant_removed", value: null },
      ],
    });
  });

  test("every change that it names does what it says", async () => {
    const { workspaceId, admins, reader, writer, open } = await makeScene(server);
    await admins.agents.grants.set({ workspaceId, agentId: open, userId: writer.id, level: "view" });
    for (const user of [reader, writer]) {
      const before = await of(user).access.me({ workspaceId });
      for (const { kind, value } of (await explain(user, workspaceId, "agent:update", open)).sufficient) {
        const had = (await admins.agents.grants.list({ workspaceId, agentId: open })).data.find(
          ({ userId }) => userId === user.id,
        );
        const set = (permission: "read" | "write" | "admin") =>
          grantPermission(server.database.owner, { userId: user.id, workspaceId, permission });
        if (kind === "permission") await set(value as "write");
        else if (kind === "grant")
          await admins.agents.grants.set({ workspaceId, agentId: open, userId: user.id, level: value as "view" });
        else await admins.agents.grants.remove({ workspaceId, agentId: open, userId: user.id });
        expect([kind, await explain(user, workspaceId, "agent:update", open)]).toMatchObject([kind, { allowed: true }]);
        await set(before.permission);
        if (had) await admins.agents.grants.set({ workspaceId, agentId: open, userId: user.id, level: had.level });
      }
    }
  });

  test("tells an admin of another user, what is hidden from that user too, and tells nobody else", async () => {
    const { workspaceId, admin, writer, reader, hidden } = await makeScene(server);
    expect(await explain(admin, workspaceId, "agent:get", hidden, reader.id)).toMatchObject({
      userId: reader.id,
      permission: "read",
      allowed: false,
      rule: "restricted",
      actual: "none",
      sufficient: [
        { kind: "permission", value: "admin" },
        { kind: "grant", value: "view" },
      ],
    });
    expect(await explain(reader, workspaceId, "agent:get", hidden)).toMatchObject({
      rule: "not_found",
      actual: null,
      sufficient: [],
    });
    const stranger = await makeSignedInUser(server.database.owner);
    expect(await explain(admin, workspaceId, "agent:get", hidden, stranger.id)).toMatchObject({
      permission: null,
      rule: "no_permission",
    });
    await expect(explain(writer, workspaceId, "agent:get", hidden, reader.id)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await explain(writer, workspaceId, "agent:list", undefined, writer.id)).toMatchObject({ allowed: true });
  });
});

describe("a question about another user, asked by whoever the server remembers as no admin,", () => {
  const question = { operation: "agent:list" } as const;

  test("is refused on the permission of the present, or answered", async () => {
    const { workspaceId, writer, reader } = await makeScene(server);
    const ask = () => of(writer).access.explain({ workspaceId, question, userId: reader.id });
    const warm = () => of(writer).access.me({ workspaceId });
    await warm();
    await grantPermission(server.database.owner, { userId: writer.id, workspaceId, permission: "read" });
    await expect(ask()).rejects.toMatchObject({ code: "FORBIDDEN", cause: { details: { actual: "read" } } });
    await grantPermission(server.database.owner, { userId: writer.id, workspaceId, permission: "admin" });
    expect(await ask()).toMatchObject({ userId: reader.id, allowed: true });
    await grantPermission(server.database.owner, { userId: writer.id, workspaceId, permission: "write" });
    await warm();
    await server.database.owner.query("delete from permissions where user_id = $1", [writer.id]);
    await expect(ask()).rejects.toMatchObject({ code: "NOT_FOUND", message: "Workspace not found" });
  });

  test("control: a client that confirms whatever is remembered refuses with it", async () => {
    const db = { confirm: async () => {} };
    const ctx = { principal: { kind: "session", userId: "u", sessionId: "s" }, permission: "write", db } as never;
    const refused = explainAccess(ctx, { workspaceId: "w", question, userId: "other" });
    await expect(refused).rejects.toMatchObject({ code: "FORBIDDEN", details: { actual: "write" } });
  });
});

describe("simulate", () => {
  test("says who gains and loses by another permission, and changes nothing", async () => {
    const { workspaceId, admins, writer, reader, open, hidden } = await makeScene(server);
    const { id: own } = await of(writer).agents.create({ workspaceId, name: "Own", visibility: "restricted" });
    const simulate = (userId: string, permission: "read" | "write" | "admin" | null) =>
      admins.access.simulate({ workspaceId, change: { kind: "permission", userId, permission } });
    expect(await simulate(reader.id, "admin")).toMatchObject({
      permission: { before: "read", after: "admin" },
      gained: 3,
      lost: 0,
      unchanged: 0,
    });
    const lost = await simulate(writer.id, null);
    expect(lost).toMatchObject({ permission: { before: "write", after: null }, gained: 0, lost: 2, unchanged: 1 });
    expect(new Set(lost.data.map(({ agentId, before, after }) => `${agentId} ${before} ${after}`))).toEqual(
      new Set([`${open} configure none`, `${own} manage none`]),
    );
    expect(await simulate((await makeSignedInUser(server.database.owner)).id, "read")).toMatchObject({ gained: 1, unchanged: 2 });
    expect(await of(writer).access.me({ workspaceId })).toMatchObject({ permission: "write" });
    await expect(of(reader).agents.get({ workspaceId, agentId: hidden })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("says what a grant would do, and is for admins", async () => {
    const { workspaceId, admins, writer, reader, open, hidden } = await makeScene(server);
    const simulate = (agentId: string, userId: string, level: "none" | "view" | "manage" | null) =>
      admins.access.simulate({ workspaceId, change: { kind: "grant", agentId, userId, level } });
    expect(await simulate(hidden, reader.id, "manage")).toMatchObject({
      gained: 1,
      data: [{ agentId: hidden, before: "none", after: "interact" }],
    });
    expect(await simulate(open, writer.id, "view")).toMatchObject({ lost: 1, data: [{ before: "configure", after: "view" }] });
    expect(await simulate(open, reader.id, "view")).toMatchObject({ unchanged: 1, data: [] });
    await expect(simulate(NOBODY, reader.id, "view")).rejects.toMatchObject({ message: "Agent not found" });
    const change = { kind: "grant", agentId: open, userId: reader.id, level: "view" } as const;
    await expect(of(writer).access.simulate({ workspaceId, change })).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  test("agrees with what then happens", async () => {
    const { workspaceId, admins, reader } = await makeScene(server);
    const { data } = await admins.access.simulate({
      workspaceId,
      change: { kind: "permission", userId: reader.id, permission: "write" },
    });
    await grantPermission(server.database.owner, { userId: reader.id, workspaceId, permission: "write" });
    const listed = (await of(reader).agents.list({ workspaceId })).data;
    for (const { agentId, after } of data) expect(listed.find(({ id }) => id === agentId)?.accessLevel).toBe(after);
  });
});
