import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { grantJoin, reachesSql } from "../../server/db/agent-level-sql.ts";
import { type Database, openDatabase } from "../../server/db/client.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import {
  ACCESS_LEVELS,
  type AccessLevel,
  agentLevel,
  type LevelCaller,
  levelRule,
  WORKSPACE_PERMISSIONS,
} from "../../server/permissions/levels.ts";
import { connectInUtc, createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";
import { type LevelCase, naiveLevel } from "./naive-level.ts";

const USERS = process.env["ISOLATION_FUZZ"] === "long" ? 20_000 : 2_000;
const AGENTS = 40;
const NOW = Date.UTC(2026, 0, 1);
const WORKSPACE = "list-is-check";

let database: TestDatabase;
let client: Database;
let db: WorkspaceDb;
let superuser: pg.Client;
let agents: LevelCase["agent"][];
let ids: string[];
const grants = new Map<string, { level: AccessLevel; expiresAt: Date | null }>();

beforeAll(async () => {
  database = await createTestDatabase();
  const owner = await makeUser(database.owner);
  await makeWorkspace(database.owner, { id: WORKSPACE, ownerId: owner.id });
  superuser = await connectInUtc(database.superuserUrl);
  client = openDatabase({ url: database.appUrl, poolSize: 2, maxOverflow: 0, poolTimeoutSeconds: 10, onError() {} });
  db = client.openWorkspace({
    workspaceId: WORKSPACE,
    prelude: { name: "system", text: "select parlant.parlant_enter_system($1, $2)", values: [WORKSPACE, "test"] },
  });
  await fill();
});

afterAll(async () => {
  await client?.close();
  await superuser?.end();
  await database?.drop();
});

const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(Math.random() * values.length)] as Value;
const userOf = (index: number) => `user-${index}`;
const keyOf = (index: number) => `key-${index}`;

async function fill(): Promise<void> {
  ids = Array.from({ length: AGENTS }, () => randomUUID());
  agents = ids.map(() => ({
    visibility: pick(["workspace", "restricted"] as const),
    createdBy: pick([userOf(0), userOf(1), userOf(2), null]),
    createdByKeyId: pick([keyOf(0), keyOf(1), null]),
  }));
  for (const [index, agent] of agents.entries()) {
    await superuser.query(
      `insert into parlant.parlant_agent (workspace_id, id, name, name_key, visibility, created_by, created_by_key_id, boundary,
         boundary_key_version, created_at, updated_at) values ($1, $2, $3, $3, $4, $5, $6, 'x', 1, now(), now())`,
      [WORKSPACE, ids[index], `agent ${index}`, agent.visibility, agent.createdBy, agent.createdByKeyId],
    );
  }
  const rows = Array.from({ length: USERS }, (_, index) => userOf(index)).flatMap((userId) =>
    ids
      .filter(() => Math.random() < 0.2)
      .map((agentId) => {
        const grant = { level: pick(ACCESS_LEVELS), expiresAt: pick([null, -1, 0, 1].map((offset) => expiry(offset))) };
        grants.set(`${userId} ${agentId}`, grant);
        return { userId, agentId, ...grant };
      }),
  );
  await superuser.query(
    `insert into parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, expires_at, created_at, updated_at)
     select $1, agent_id, user_id, level::parlant.access_level, expires_at, now(), now()
     from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) as t (agent_id, user_id, level, expires_at)`,
    [
      WORKSPACE,
      rows.map(({ agentId }) => agentId),
      rows.map(({ userId }) => userId),
      rows.map(({ level }) => level),
      rows.map(({ expiresAt }) => expiresAt?.toISOString() ?? null),
    ],
  );
}

function expiry(offset: number | null): Date | null {
  return offset === null ? null : new Date(NOW + offset);
}

/** What the caller is to see, agent by agent, as the reference decides it. */
function expected(caller: LevelCaller, nowMs: number): [string, AccessLevel][] {
  const { userId, keyId, permission } = caller;
  const principal: LevelCase["principal"] =
    userId === null
      ? { kind: "workspace_api_key", keyId: keyId ?? "", workspaceId: WORKSPACE }
      : { kind: "session", userId, sessionId: "s" };
  return ids
    .map((id, index): [string, AccessLevel] => {
      const agent = agents[index] as LevelCase["agent"];
      return [id, naiveLevel({ principal, permission, agent, grant: grants.get(`${userId} ${id}`) ?? null, nowMs })];
    })
    .filter(([, level]) => level !== "none")
    .sort();
}

async function listed(caller: LevelCaller, nowMs: number): Promise<[string, AccessLevel][]> {
  const rule = levelRule(caller);
  const rows = await db.agentPage({
    view: { levels: { rule, nowMs }, opener: null },
    isArchivedHidden: true,
    sort: "createdAt",
    order: "asc",
    take: AGENTS + 1,
  });
  return rows
    .map((row): [string, AccessLevel] => {
      const grant = row.grantLevel === null ? null : { level: row.grantLevel, expiresAt: row.grantExpiresAt };
      return [row.id, agentLevel(rule, row, grant, nowMs)];
    })
    .sort();
}

async function counted(caller: LevelCaller, nowMs: number): Promise<number> {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const rule = levelRule(caller);
  const text = `select count(*)::int from parlant.parlant_agent ${grantJoin(WORKSPACE, rule.grantee, parameter)}
    where workspace_id = ${parameter(WORKSPACE)} and ${reachesSql({ rule, nowMs }, "view", parameter)}`;
  const { rows } = await superuser.query<{ count: number }>(text, values);
  return rows[0]?.count ?? -1;
}

test(`for ${USERS} users with random permissions, grants and expiries the list is what a check of each agent lets through`, {
  timeout: 300_000,
}, async () => {
  for (let index = 0; index < USERS; index++) {
    const caller = { permission: pick(WORKSPACE_PERMISSIONS), userId: userOf(index), keyId: null };
    const nowMs = NOW + pick([-1, 0, 1]);
    const seen = expected(caller, nowMs);
    expect([caller, nowMs, await listed(caller, nowMs)]).toEqual([caller, nowMs, seen]);
    if (index % 10 === 0) expect(await counted(caller, nowMs)).toBe(seen.length);
  }
});

test("so it is for creators and for workspace keys", async () => {
  for (let index = 0; index < 3; index++) {
    for (const permission of WORKSPACE_PERMISSIONS) {
      const creator = { permission, userId: userOf(index), keyId: null };
      expect(await listed(creator, NOW)).toEqual(expected(creator, NOW));
      const key = { permission: "write" as const, userId: null, keyId: keyOf(index) };
      expect(await listed(key, NOW)).toEqual(expected(key, NOW));
      expect(await counted(key, NOW)).toBe(expected(key, NOW).length);
    }
  }
});

test("what is read by id has the same grant beside it as what is listed, inside and outside a transaction", async () => {
  const { grantee } = levelRule({ permission: "write", userId: userOf(0), keyId: null });
  const query = { ids, grantee, view: null, areDeletedIncluded: false };
  const byId = (rows: { id: string }[]) => [...rows].sort((one, other) => one.id.localeCompare(other.id));
  const outside = byId(await db.agentsById(query));
  expect(outside).toHaveLength(AGENTS);
  expect(byId(await db.transaction((tx) => tx.agentsById(query)))).toEqual(outside);
  for (const { id, grantLevel, grantExpiresAt } of outside as Awaited<ReturnType<WorkspaceDb["agentsById"]>>) {
    const grant = grants.get(`${userOf(0)} ${id}`);
    expect([grantLevel, grantExpiresAt]).toEqual([grant?.level ?? null, grant?.expiresAt ?? null]);
  }
});

test("control: a list that does not look at the expiry is told apart from the checks", async () => {
  const differs = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const caller = { permission: "read" as const, userId: userOf(index), keyId: null };
      return JSON.stringify(await listed(caller, NOW - 10)) !== JSON.stringify(expected(caller, NOW + 10));
    }),
  );
  expect(differs).toContain(true);
});

test("each read names its workspace by itself: a superuser's, whom no policy holds, sees the same and no other's rows", async () => {
  const { id: otherOwner } = await makeUser(database.owner);
  await makeWorkspace(database.owner, { id: "other", ownerId: otherOwner });
  await superuser.query(
    `insert into parlant.parlant_agent (workspace_id, id, name, name_key, boundary, boundary_key_version, created_at, updated_at)
     select 'other', id, 'elsewhere', 'elsewhere ' || id, 'x', 1, now(), now() from unnest($1::uuid[]) id`,
    [ids],
  );
  await superuser.query(
    `insert into parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, created_at, updated_at)
     select 'other', id, $2, 'manage', now(), now() from unnest($1::uuid[]) id`,
    [ids, userOf(0)],
  );
  const options = { poolSize: 1, maxOverflow: 0, poolTimeoutSeconds: 10, onError() {} };
  const unheld = openDatabase({ url: database.superuserUrl, ...options });
  try {
    const free = unheld.openWorkspace({ workspaceId: WORKSPACE, prelude: { name: "nothing", text: "select 1", values: [] } });
    const rule = levelRule({ permission: "write", userId: userOf(0), keyId: null });
    const levels = { rule, nowMs: NOW };
    const view = { levels, opener: { userId: userOf(0) } };
    const reads = [
      (of: WorkspaceDb) => of.agentPage({ view, isArchivedHidden: true, sort: "nameKey", order: "asc", take: 200 }),
      async (of: WorkspaceDb) => {
        const rows = await of.agentsById({ ids, grantee: userOf(0), view, areDeletedIncluded: true });
        return rows.sort((one, another) => one.id.localeCompare(another.id));
      },
      (of: WorkspaceDb) => of.grantsOfUsers({ userIds: [userOf(0), userOf(1)], levels, required: "view", takeOfEach: 100 }),
      (of: WorkspaceDb) =>
        of.levelChanges({ grantee: userOf(0), before: rule, after: null, nowMs: NOW, beyondId: null, take: 100 }),
      (of: WorkspaceDb) => of.members({ userIds: null, order: "asc", take: 100 }),
    ];
    for (const read of reads) expect(await read(free)).toEqual(await read(db));
  } finally {
    await unheld.close();
  }
});

test("levels read a few at a time are those read at once, and grants of each user are as many as were asked for", async () => {
  const rule = levelRule({ permission: "write", userId: userOf(0), keyId: null });
  const query = { grantee: userOf(0), before: rule, after: null, nowMs: NOW };
  const once = await db.levelChanges({ ...query, beyondId: null, take: 1_000 });
  expect(once.map(({ id }) => id)).toEqual([...ids].sort());
  const seen: typeof once = [];
  for (let take = 7, beyondId: string | null = null; seen.length < once.length; beyondId = seen.at(-1)?.id ?? null) {
    const rows: typeof once = await db.levelChanges({ ...query, beyondId, take });
    expect(rows).toHaveLength(Math.min(take, once.length - seen.length));
    seen.push(...rows);
  }
  expect(seen).toEqual(once);
  const admin = { rule: levelRule({ permission: "admin", userId: userOf(0), keyId: null }), nowMs: NOW };
  const asked = { userIds: [userOf(1), userOf(2)], levels: admin, required: "manage" } as const;
  const all = await db.grantsOfUsers({ ...asked, takeOfEach: 1_000 });
  const firstOf = (userId: string) => all.filter((row) => row.userId === userId).slice(0, 2);
  expect(await db.grantsOfUsers({ ...asked, takeOfEach: 2 })).toEqual([...firstOf(userOf(1)), ...firstOf(userOf(2))]);
});
