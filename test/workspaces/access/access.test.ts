import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS, type Operation } from "../../../server/permissions/levels.ts";
import { explainAccess } from "../../../server/workspaces/access/explain-access.ts";
import { grantPermission, makeApiKey, makeMember, makeOrganization, makeUser } from "../../support/database.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callerWith } from "../../support/services.ts";
import { makeSignedInUser, makeStaffedWorkspace, type TestUser } from "../../support/workspace.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: "0" });
});

afterAll(() => server?.stop());

const of = ({ headers }: Pick<TestUser, "headers">) => callerWith(server.dependencies, headers).workspaces;
const NOBODY = "01890000-0000-7000-8000-000000000000";

async function makeScene() {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const workspaceId = workspace.id;
  const { agents } = of(workspace.admin);
  const { id: open } = await agents.create({ workspaceId, name: "Open" });
  const { id: hidden } = await agents.create({ workspaceId, name: "Hidden", visibility: "restricted" });
  return { ...workspace, workspaceId, open, hidden, admins: of(workspace.admin) };
}

describe("me", () => {
  test("says who the caller is, what it may, where that comes from and how old the decision is", async () => {
    const { workspaceId, writer, reader, admin } = await makeScene();
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
    const { workspaceId, admin, reader } = await makeScene();
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
    const { workspaceId, writer } = await makeScene();
    await of(writer).access.me({ workspaceId });
    await grantPermission(server.database.owner, { userId: writer.id, workspaceId, permission: "read" });
    expect(await of(writer).access.me({ workspaceId })).toMatchObject({ permission: "read", decision: { source: "database" } });
    await server.database.owner.query("delete from permissions where user_id = $1", [writer.id]);
    await expect(of(writer).access.me({ workspaceId })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("members", () => {
  test("lists all who have a permission one way or another, by email, as Sim does", async () => {
    const { workspaceId, admin, writer, reader } = await makeScene();
    const { owner } = server.database;
    const organization = await makeOrganization(owner);
    await owner.query("update workspace set organization_id = $2 where id = $1", [workspaceId, organization.id]);
    const boss = await makeSignedInUser(owner);
    await makeMember(owner, { organizationId: organization.id, userId: boss.id, role: "admin" });
    const employee = await makeSignedInUser(owner);
    await makeMember(owner, { organizationId: organization.id, userId: employee.id });
    const { data, nextCursor } = await of(reader).access.members({ workspaceId });
    expect(nextCursor).toBeNull();
    const emails = data.map(({ email }) => email);
    expect(emails).toEqual([...emails].sort());
    const byId = Object.fromEntries(data.map((member) => [member.userId, member]));
    expect(Object.keys(byId).sort()).toEqual([admin.id, writer.id, reader.id, boss.id].sort());
    expect(byId[admin.id]).toMatchObject({ permissionType: "admin", roleSource: "owner", isExternal: false, isOrgAdmin: false });
    expect(byId[writer.id]).toMatchObject({ permissionType: "write", roleSource: "explicit", isExternal: true });
    expect(byId[boss.id]).toMatchObject({
      permissionType: "admin",
      roleSource: "org-admin",
      isExternal: false,
      isOrgAdmin: true,
    });
    expect(byId[boss.id]?.joinedAt).toBeInstanceOf(Date);
  });

  test("shows a grant to whoever manages its agent, and to nobody else", async () => {
    const { workspaceId, admins, admin, writer, reader, hidden } = await makeScene();
    const { id: own } = await of(writer).agents.create({ workspaceId, name: "Writer's", visibility: "restricted" });
    await admins.agents.grants.set({ workspaceId, agentId: hidden, userId: reader.id, level: "none" });
    await admins.agents.grants.set({ workspaceId, agentId: own, userId: reader.id, level: "view" });
    const seenBy = async (user: TestUser) => {
      const { data } = await of(user).access.members({ workspaceId });
      return data.flatMap(({ grants }) => grants.map(({ agentId }) => agentId)).sort();
    };
    expect(await seenBy(admin)).toEqual([hidden, own].sort());
    expect(await seenBy(writer)).toEqual([own]);
    expect(await seenBy(reader)).toEqual([]);
    await admins.agents.delete({ workspaceId, agentId: hidden });
    expect(await seenBy(admin)).toEqual([own]);
  });

  test("shows a hundred grants of a member, and says whether there are more", async () => {
    const { workspaceId, admins, reader, writer } = await makeScene();
    const names = Array.from({ length: 101 }, (_, index) => `Agent ${index}`);
    const agents = await Promise.all(names.map((name) => admins.agents.create({ workspaceId, name })));
    const ids = agents.map(({ id }) => id).sort();
    const grantTo = (userId: string, agentIds: string[]) =>
      Promise.all(
        agentIds.map((agentId) => admins.agents.grants.set({ workspaceId, agentId, userId, level: "view", expiresAt: null })),
      );
    await grantTo(reader.id, ids);
    await grantTo(writer.id, ids.slice(1));
    const { data } = await admins.access.members({ workspaceId });
    const shown = (userId: string) => {
      const member = data.find((one) => one.userId === userId);
      return [member?.hasMoreGrants, member?.grants.map(({ agentId }) => agentId)];
    };
    expect(shown(reader.id)).toEqual([true, ids.slice(0, 100)]);
    expect(shown(writer.id)).toEqual([false, ids.slice(1)]);
  });

  test("is paged", async () => {
    const { workspaceId, reader } = await makeScene();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await of(reader).access.members({ workspaceId, limit: 2, ...(cursor && { cursor }) });
      seen.push(...page.data.map(({ email }) => email));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(seen).toHaveLength(3);
    expect(seen).toEqual([...seen].sort());
  });
});

describe("members, with the longest and strangest emails,", () => {
  test("are paged one by one, each once, in both orders", async () => {
    const { workspaceId, reader } = await makeScene();
    const { owner } = server.database;
    const emails = ["\u0001", "\u{10ffff}", "\ufffd", '"', "a"].flatMap((character) =>
      ["x", "y"].map((end) => `${character.repeat(330)}${end}@example.test`),
    );
    for (const email of emails) {
      const { id } = await makeUser(owner, { id: `\u0001${randomUUID()}`.padEnd(128, "\u0002"), email });
      await grantPermission(owner, { userId: id, workspaceId, permission: "read" });
    }
    for (const sortOrder of ["asc", "desc"] as const) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await of(reader).access.members({ workspaceId, sortOrder, limit: 1, ...(cursor && { cursor }) });
        seen.push(...page.data.map(({ email }) => email));
        cursor = page.nextCursor ?? undefined;
      } while (cursor);
      expect(seen).toHaveLength(emails.length + 3);
      expect(new Set(seen)).toEqual(new Set([...seen, ...emails]));
    }
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
    const { workspaceId, admins, admin, writer, reader, open, hidden } = await makeScene();
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
    const { workspaceId, admins, reader, hidden } = await makeScene();
    const { id: gone } = await admins.agents.create({ workspaceId, name: "Gone" });
    await admins.agents.delete({ workspaceId, agentId: gone });
    const other = await makeScene();
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
    const { workspaceId, admins, writer, open } = await makeScene();
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
    const { workspaceId, writer } = await makeScene();
    const ask = () => of(writer).access.check({ workspaceId, checks: [{ operation: "agent:create" }] });
    expect((await ask()).data).toMatchObject([{ allowed: true, actual: "write" }]);
    await grantPermission(server.database.owner, { userId: writer.id, workspaceId, permission: "read" });
    expect((await ask()).data).toMatchObject([{ allowed: false, reason: "INSUFFICIENT_WORKSPACE_ROLE", actual: "read" }]);
    await server.database.owner.query("delete from permissions where user_id = $1", [writer.id]);
    await expect(ask()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("refuses more than a hundred, none, and a question that is none", async () => {
    const { workspaceId, reader, open } = await makeScene();
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

describe("explain", () => {
  const explain = (user: TestUser, workspaceId: string, operation: Operation, agentId?: string, userId?: string) =>
    of(user).access.explain({
      workspaceId,
      question: (agentId === undefined ? { operation } : { operation, agentId }) as never,
      ...(userId && { userId }),
    });

  test("names the rule that decided, and each single change that would do", async () => {
    const { workspaceId, admins, admin, writer, reader, open } = await makeScene();
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
    const { workspaceId, admins, reader, writer, open } = await makeScene();
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
    const { workspaceId, admin, writer, reader, hidden } = await makeScene();
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
    const { workspaceId, writer, reader } = await makeScene();
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
    const { workspaceId, admins, writer, reader, open, hidden } = await makeScene();
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
    const { workspaceId, admins, writer, reader, open, hidden } = await makeScene();
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
    const { workspaceId, admins, reader } = await makeScene();
    const { data } = await admins.access.simulate({
      workspaceId,
      change: { kind: "permission", userId: reader.id, permission: "write" },
    });
    await grantPermission(server.database.owner, { userId: reader.id, workspaceId, permission: "write" });
    const listed = (await of(reader).agents.list({ workspaceId })).data;
    for (const { agentId, after } of data) expect(listed.find(({ id }) => id === agentId)?.accessLevel).toBe(after);
  });
});
