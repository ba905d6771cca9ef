import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import type { Dependencies } from "../../server/dependencies.ts";
import { createStillClock } from "../support/clock.ts";
import { createTestDatabase, makeApiKey, type TestDatabase } from "../support/database.ts";
import { changePastTheServer, readPastTheServer, signAgent } from "../support/past-the-server.ts";
import { callerWith, createTestDependencies, testEnv } from "../support/services.ts";
import { makeStaffedWorkspace, type TestUser, type TestWorkspace } from "../support/workspace.ts";

const clock = createStillClock();
let database: TestDatabase;
let one: Dependencies;
let other: Dependencies;
let from: TestWorkspace;
let to: TestWorkspace;
let movedId: string;
let residentId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  one = await createTestDependencies(database.appUrl, {}, clock);
  other = await createTestDependencies(database.appUrl, {}, clock);
});

afterAll(async () => {
  await one?.close();
  await other?.close();
  await database?.drop();
});

beforeEach(async () => {
  // What the test before did to the server's role is not remembered.
  clock.forward(10_000);
  from = await makeStaffedWorkspace(database.owner);
  to = await makeStaffedWorkspace(database.owner);
  movedId = (await of(from.admin).agents.create({ workspaceId: from.id, name: "Moved" })).id;
  residentId = (await of(to.admin).agents.create({ workspaceId: to.id, name: "Resident" })).id;
});

const of = (user: TestUser, server = one) => callerWith(server, user.headers, "request-1").workspaces;
const move = (target: string) =>
  changePastTheServer(database.owner, "update parlant.parlant_agent set workspace_id = $2 where id = $1", [movedId, target]);
const violationsIn = async (workspaceId: string) => {
  await Promise.all([one, other].map(({ services }) => services.violations.settled()));
  return readPastTheServer<Record<string, unknown>>(
    database.owner,
    workspaceId,
    "select * from parlant.parlant_audit_event where action = 'isolation.boundary_mismatch' order by id",
  );
};

test("an agent that the owner moved into another workspace is shown to nobody, and recorded there once", async () => {
  await move(to.id);
  const before = one.services.violations.total();
  for (const server of [one, other, one]) {
    for (const { id, admin } of [from, to]) {
      await expect(of(admin, server).agents.get({ workspaceId: id, agentId: movedId })).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
      await expect(of(admin, server).agents.update({ workspaceId: id, agentId: movedId, name: "Mine" })).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
    }
    const { data } = await of(to.reader, server).agents.list({ workspaceId: to.id });
    expect(data.map(({ id }) => id)).toEqual([residentId]);
    await violationsIn(to.id);
  }
  expect(await violationsIn(to.id)).toMatchObject([
    {
      outcome: "failure",
      reason_code: "BOUNDARY_MISMATCH",
      actor_kind: "session",
      actor_id: to.admin.id,
      target_kind: "agent",
      target_id: movedId,
      request_id: "request-1",
      ip_address: "127.0.0.1",
    },
  ]);
  expect(await violationsIn(from.id)).toEqual([]);
  expect(one.services.violations.total() - before).toBe(1);
  const [row] = await readPastTheServer<{ name: string; version: number }>(
    database.owner,
    to.id,
    `select name, version from parlant.parlant_agent where id = '${movedId}'`,
  );
  expect(row).toEqual({ name: "Moved", version: 1 });
});

test("the same row is recorded again once an hour has passed, and a key's violation names its user", async () => {
  await move(to.id);
  const key = await makeApiKey(database.owner, { userId: to.admin.id });
  const list = () => callerWith(one, { "x-api-key": key.plain }).workspaces.agents.list({ workspaceId: to.id });
  await list();
  await violationsIn(to.id);
  clock.forward(3_599_999);
  await list();
  expect(await violationsIn(to.id)).toMatchObject([
    { actor_kind: "personal_api_key", actor_id: key.id, on_behalf_of: to.admin.id },
  ]);
  clock.forward(1);
  await list();
  expect(await violationsIn(to.id)).toHaveLength(2);
});

test("health finds it without anyone's reading it, on any server, and is healthy again within 10 s of the row's return", async () => {
  const healthOf = ({ id, reader }: TestWorkspace, server = one) => of(reader, server).isolation.health({ workspaceId: id });
  for (const workspace of [from, to]) expect((await healthOf(workspace)).status).toBe("healthy");
  await move(to.id);
  clock.forward(10_000);
  const broken = await healthOf(to);
  expect(broken).toMatchObject({ status: "unhealthy", error: expect.stringMatching(/^boundary: /) });
  expect(broken.checks.filter(({ status }) => status !== "healthy").map(({ name }) => name)).toEqual(["boundary"]);
  expect((await healthOf(from)).status).toBe("healthy");
  expect(await violationsIn(to.id)).toMatchObject([{ actor_kind: "system", actor_id: "isolation", target_id: movedId }]);
  expect((await healthOf(to, other)).status).toBe("unhealthy");
  // It stops nothing.
  expect((await of(to.reader).agents.list({ workspaceId: to.id })).data).toHaveLength(1);

  await move(from.id);
  clock.forward(10_000);
  for (const server of [one, other]) {
    const mended = await healthOf(to, server);
    expect(mended.status).toBe("healthy");
    expect(mended.lastViolationAt).toBeInstanceOf(Date);
    expect(await of(from.reader, server).agents.get({ workspaceId: from.id, agentId: movedId })).toMatchObject({ name: "Moved" });
  }
});

test("a row that was found out is looked at until it is mended, however many rows are newer", async () => {
  await move(to.id);
  const fillers = Array.from({ length: 120 }, (_, n) => of(to.admin).agents.create({ workspaceId: to.id, name: `Filler ${n}` }));
  await Promise.all(fillers);
  await of(to.admin)
    .agents.get({ workspaceId: to.id, agentId: movedId })
    .catch(() => {});
  await violationsIn(to.id);
  for (const server of [one, other]) {
    clock.forward(10_000);
    expect((await of(to.reader, server).isolation.health({ workspaceId: to.id })).status).toBe("unhealthy");
  }
});

test("where the violation cannot be recorded, reads go on, health says so, and the next read records it", async () => {
  const role = new URL(database.appUrl).username;
  await move(to.id);
  await database.owner.query(`revoke insert on parlant.parlant_audit_event from ${role}`);
  expect((await of(to.reader).agents.list({ workspaceId: to.id })).data).toHaveLength(1);
  expect(await violationsIn(to.id)).toEqual([]);
  clock.forward(10_000);
  const { checks } = await of(to.reader).isolation.health({ workspaceId: to.id });
  expect(checks.find(({ name }) => name === "violations")).toMatchObject({ status: "degraded" });
  await database.owner.query(`grant insert on parlant.parlant_audit_event to ${role}`);
  await of(to.reader).agents.list({ workspaceId: to.id });
  expect(await violationsIn(to.id)).toHaveLength(1);
});

test("a message that goes to all members tells no number and no id of a row, which only admins are given", async () => {
  await move(to.id);
  const forReader = JSON.stringify(await of(to.reader).isolation.health({ workspaceId: to.id }));
  const forAdmin = JSON.stringify(await of(to.admin).isolation.health({ workspaceId: to.id }));
  expect(forReader).not.toContain(movedId);
  expect(forReader).not.toMatch(/"(rows|agents|pending|signedUnderNewest|newestRows)"/);
  expect(forAdmin).toContain(movedId);
  expect(forAdmin).toMatch(/"mismatches":1/);
});

test("control: the same row under the boundary of the workspace it lies in is served, so that the boundary alone kept it back", async () => {
  await move(to.id);
  const { ISOLATION_SECRET } = testEnv(database.appUrl);
  await signAgent(database.owner, ISOLATION_SECRET[0] ?? "", to.id, movedId);
  const { data } = await of(to.reader).agents.list({ workspaceId: to.id });
  expect(data.map(({ name }) => name).sort()).toEqual(["Moved", "Resident"]);
  expect(await of(to.reader).agents.get({ workspaceId: to.id, agentId: movedId })).toMatchObject({ name: "Moved" });
  expect(await violationsIn(to.id)).toEqual([]);
  expect((await of(to.reader).isolation.health({ workspaceId: to.id })).status).toBe("healthy");
});

test("a row of another origin takes no place on a page, and no cursor tells of it", async () => {
  const first = await of(to.admin).agents.create({ workspaceId: to.id, name: "A first" });
  await move(to.id);
  const walk = async () => {
    const seen: string[] = [];
    const cursors: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await of(to.reader).agents.list({ workspaceId: to.id, limit: 1, sortBy: "name", sortOrder: "asc", cursor });
      expect(page.data).toHaveLength(1);
      seen.push(...page.data.map(({ id }) => id));
      if (page.nextCursor === null) return { seen, cursors };
      cursor = page.nextCursor;
      cursors.push(Buffer.from(cursor, "base64url").toString());
    }
  };
  const { seen, cursors } = await walk();
  expect(seen).toEqual([first.id, residentId]);
  expect(cursors.join()).toContain(first.id);
  expect(cursors.join()).not.toMatch(new RegExp(`moved|${movedId}`, "i"));
});

test("a grant on a row of another origin is shown to nobody, and no simulation counts the row; control: both do so once it is vouched for", async () => {
  await move(to.id);
  await changePastTheServer(
    database.owner,
    `insert into parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, created_at, updated_at)
     values ($1, $2, $3, 'none', now(), now())`,
    [to.id, movedId, to.reader.id],
  );
  const look = async () => {
    const { access } = of(to.admin);
    const { data } = await access.members({ workspaceId: to.id });
    const change = { kind: "permission", userId: to.reader.id, permission: "admin" } as const;
    const { gained, lost, unchanged, data: changes } = await access.simulate({ workspaceId: to.id, change });
    const granted = data.flatMap(({ grants }) => grants.map(({ agentId }) => agentId));
    return { granted, gained, lost, unchanged, changed: changes.map(({ agentId }) => agentId).sort() };
  };
  expect(await look()).toEqual({ granted: [], gained: 1, lost: 0, unchanged: 0, changed: [residentId] });
  expect(await violationsIn(to.id)).toMatchObject([{ target_id: movedId }]);
  const { ISOLATION_SECRET } = testEnv(database.appUrl);
  await signAgent(database.owner, ISOLATION_SECRET[0] ?? "", to.id, movedId);
  expect(await look()).toEqual({
    granted: [movedId],
    gained: 2,
    lost: 0,
    unchanged: 0,
    changed: [movedId, residentId].sort(),
  });
});

test("a call reads past some hundreds of rows of another origin, and no further, and reads the keys once", async () => {
  const reads = { pages: 0, salts: 0 };
  const { services } = one;
  const counting: Dependencies = {
    ...one,
    services: {
      ...services,
      resolveAccess: async (...asked) => {
        const access = await services.resolveAccess(...asked);
        const agentPage: WorkspaceDb["agentPage"] = (query) => {
          reads.pages += 1;
          return access.db.agentPage(query);
        };
        return { ...access, db: Object.create(access.db, { agentPage: { value: agentPage } }) };
      },
      workspaceKeys: {
        ...services.workspaceKeys,
        renew: (...asked) => {
          reads.salts += 1;
          return services.workspaceKeys.renew(...asked);
        },
      },
    },
  };
  const list = (limit: number, cursor?: string) =>
    callerWith(counting, to.reader.headers).workspaces.agents.list({ workspaceId: to.id, sortBy: "name", limit, cursor });
  const makeForeign = (from: number, count: number) =>
    changePastTheServer(
      database.owner,
      `insert into parlant.parlant_agent (workspace_id, id, name, name_key, boundary, boundary_key_version, created_at, updated_at)
       select $1, gen_random_uuid(), 'foreign ' || n, 'foreign ' || n, 'x', 1, now(), now() from generate_series($2::int, $3::int) n`,
      [to.id, from, from + count - 1],
    );
  // By name and downwards: Resident, the foreign ones, and an authentic one after them.
  const { id: lastId } = await of(to.admin).agents.create({ workspaceId: to.id, name: "A last" });
  await makeForeign(0, 110);
  expect((await list(1)).data.map(({ id }) => id)).toEqual([residentId]);
  const whole = await list(50);
  expect(whole).toMatchObject({ data: [{ id: residentId }, { id: lastId }], nextCursor: null });
  await makeForeign(110, 340);
  Object.assign(reads, { pages: 0, salts: 0 });
  const cut = await list(1);
  expect(cut.data.map(({ id }) => id)).toEqual([residentId]);
  expect(reads).toEqual({ pages: 5, salts: 1 });
  expect(Buffer.from(String(cut.nextCursor), "base64url").toString()).toContain(residentId);
  expect(await list(1, String(cut.nextCursor))).toMatchObject({ data: [], nextCursor: null });
  expect(reads).toEqual({ pages: 10, salts: 2 });
});
