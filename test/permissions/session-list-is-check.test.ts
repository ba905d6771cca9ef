import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../server/db/client.ts";
import type { SessionOpener, SessionView } from "../../server/db/session-opener.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import type { WorkspaceDb } from "../../server/db/workspace-db.ts";
import {
  ACCESS_LEVELS,
  type AccessLevel,
  type LevelCaller,
  levelRule,
  WORKSPACE_PERMISSIONS,
} from "../../server/permissions/levels.ts";
import { seesSession } from "../../server/permissions/session-access.ts";
import { connectInUtc, createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";
import { naiveLevel } from "./naive-level.ts";

const WORKSPACE = "session-list-is-check";
const NOW = Date.UTC(2026, 0, 1);
const AGENTS = 12;
const SESSIONS = 90;
const ROUNDS = process.env["ISOLATION_FUZZ"] === "long" ? 5_000 : 300;
const USERS = ["ada", "bob", "cleo"];
const KEYS = ["key-1", "key-2"];

let database: TestDatabase;
let client: Database;
let db: WorkspaceDb;
let superuser: pg.Client;

interface Agent {
  id: string;
  visibility: "workspace" | "restricted";
  isolationLevel: "strict" | "workspace";
  createdBy: string | null;
  createdByKeyId: string | null;
  isDeleted: boolean;
  grants: Map<string, AccessLevel>;
}
interface Session {
  id: string;
  agent: Agent;
  userId: string | null;
  createdByKeyId: string | null;
}
let agents: Agent[];
let sessions: Session[];

const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(Math.random() * values.length)] as Value;

beforeAll(async () => {
  database = await createTestDatabase();
  await makeWorkspace(database.owner, { id: WORKSPACE, ownerId: (await makeUser(database.owner)).id });
  superuser = await connectInUtc(database.superuserUrl);
  client = openDatabase({ url: database.appUrl, poolSize: 2, maxOverflow: 0, poolTimeoutSeconds: 10, onError() {} });
  db = client.openWorkspace(systemBinding(WORKSPACE, "test"));
  await fill();
});

afterAll(async () => {
  await client?.close();
  await superuser?.end();
  await database?.drop();
});

/** An agent of nobody's on which bob and ada have other sessions each, and not as many: the control must not hang on chance. */
function makeTellingAgent(): { agent: Agent; sessions: Session[] } {
  const agent: Agent = {
    id: randomUUID(),
    visibility: "workspace",
    isolationLevel: "strict",
    createdBy: null,
    createdByKeyId: null,
    isDeleted: false,
    grants: new Map(),
  };
  const sessions = ["bob", "ada", "ada"].map((userId) => ({ id: randomUUID(), agent, userId, createdByKeyId: null }));
  return { agent, sessions };
}

async function fill(): Promise<void> {
  const telling = makeTellingAgent();
  const random = Array.from(
    { length: AGENTS - 1 },
    (): Agent => ({
      id: randomUUID(),
      visibility: pick(["workspace", "restricted"] as const),
      isolationLevel: pick(["strict", "workspace"] as const),
      createdBy: pick([...USERS, null]),
      createdByKeyId: pick([...KEYS, null]),
      isDeleted: Math.random() < 0.15,
      grants: new Map(USERS.filter(() => Math.random() < 0.4).map((user) => [user, pick(ACCESS_LEVELS)])),
    }),
  );
  agents = [telling.agent, ...random];
  for (const { id, visibility, isolationLevel, createdBy, createdByKeyId, isDeleted, grants } of agents) {
    await superuser.query(
      `insert into parlant.parlant_agent (workspace_id, id, name, name_key, visibility, isolation_level, created_by, created_by_key_id,
         boundary, boundary_key_version, created_at, updated_at, deleted_at)
       values ($1, $2, 'agent', $3, $4, $5, $6, $7, 'x', 1, now(), now(), $8)`,
      [WORKSPACE, id, id, visibility, isolationLevel, createdBy, createdByKeyId, isDeleted ? new Date() : null],
    );
    for (const [user, level] of grants) {
      await superuser.query(
        "insert into parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, created_at, updated_at) values ($1, $2, $3, $4, now(), now())",
        [WORKSPACE, id, user, level],
      );
    }
  }
  const others = Array.from(
    { length: SESSIONS - telling.sessions.length },
    (): Session => ({
      id: randomUUID(),
      agent: pick(random),
      ...(Math.random() < 0.7
        ? { userId: pick(USERS), createdByKeyId: pick([...KEYS, null]) }
        : { userId: null, createdByKeyId: pick(KEYS) }),
    }),
  );
  sessions = [...telling.sessions, ...others];
  for (const { id, agent, userId, createdByKeyId } of sessions) {
    await superuser.query(
      `insert into parlant.parlant_session (workspace_id, id, agent_id, user_id, created_by_key_id, boundary, boundary_key_version,
         started_at, last_activity_at, created_at, updated_at) values ($1, $2, $3, $4, $5, 'x', 1, now(), now(), now(), now())`,
      [WORKSPACE, id, agent.id, userId, createdByKeyId],
    );
  }
  await superuser.query(
    `insert into parlant.parlant_agent_counter (workspace_id, agent_id, slot, sessions)
     select workspace_id, agent_id, ascii(right(id::text, 1)) % 16, count(*) from parlant.parlant_session where workspace_id = $1
     group by workspace_id, agent_id, ascii(right(id::text, 1)) % 16`,
    [WORKSPACE],
  );
}

function randomCaller(): LevelCaller {
  const isKey = Math.random() < 0.3;
  return {
    permission: isKey ? "write" : pick(WORKSPACE_PERMISSIONS),
    userId: isKey ? null : pick(USERS),
    keyId: isKey ? pick(KEYS) : null,
  };
}

const openerOf = ({ userId, keyId }: LevelCaller): SessionOpener =>
  userId === null ? { createdByKeyId: keyId ?? "" } : { userId };
const viewOf = (caller: LevelCaller): SessionView => ({
  levels: { rule: levelRule(caller), nowMs: NOW },
  opener: openerOf(caller),
});

/** The sentences of the contract, one after the other, without anything of the code under test. */
function isExpected(caller: LevelCaller, { agent, ...session }: Session): boolean {
  if (agent.isDeleted) return false;
  const { userId, keyId, permission } = caller;
  const grant = userId === null ? undefined : agent.grants.get(userId);
  const level = naiveLevel({
    principal:
      userId === null
        ? { kind: "workspace_api_key", keyId: keyId ?? "", workspaceId: WORKSPACE }
        : { kind: "session", userId, sessionId: "s" },
    permission,
    agent,
    grant: grant === undefined ? null : { level: grant, expiresAt: null },
    nowMs: NOW,
  });
  if (level === "none") return false;
  if (level === "manage" || agent.isolationLevel === "workspace") return true;
  return userId === null ? session.userId === null && session.createdByKeyId === keyId : session.userId === userId;
}

async function listed(view: SessionView): Promise<string[]> {
  const rows = await db.sessionPage({ view, sort: "createdAt", order: "asc", take: SESSIONS + 1 });
  return rows.map(({ id }) => id).sort();
}

/** Each session looked at by itself, by the rule that calls on one session are decided by. */
async function checked(view: SessionView): Promise<string[]> {
  const rows = await db.sessionsById({ ids: sessions.map(({ id }) => id), view });
  return rows
    .filter((row) => seesSession({ level: row.agentLevel, opener: view.opener }, row.agentIsolationLevel, row))
    .map(({ id }) => id)
    .sort();
}

/** How many sessions of each agent are told of, as numbers beside the agents themselves. */
async function counted(view: SessionView): Promise<[string, number][]> {
  const page = { view, isArchivedHidden: false, sort: "createdAt", order: "asc", take: AGENTS + 1 } as const;
  const byId = { ids: agents.map(({ id }) => id), grantee: view.levels.rule.grantee, view, areDeletedIncluded: false };
  const [listed, read] = [await db.agentPage(page), await db.agentsById(byId)];
  const numbers = (rows: typeof listed) => rows.map(({ id, counted: [count] }): [string, number] => [id, count]).sort();
  const shown = new Set(listed.map(({ id }) => id));
  expect(numbers(read.filter(({ id }) => shown.has(id)))).toEqual(numbers(listed));
  return numbers(listed).filter(([, count]) => count > 0);
}

function expectedCounts(caller: LevelCaller): [string, number][] {
  const counts = new Map<string, number>();
  for (const session of sessions.filter((one) => isExpected(caller, one))) {
    counts.set(session.agent.id, (counts.get(session.agent.id) ?? 0) + 1);
  }
  return [...counts].sort();
}

test(`the numbers of agents are of the sessions that the check lets through, for ${ROUNDS} callers`, {
  timeout: 600_000,
}, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const caller = randomCaller();
    expect([caller, await counted(viewOf(caller))]).toEqual([caller, expectedCounts(caller)]);
  }
});

test(`a list of sessions is what the check lets through, for ${ROUNDS} callers`, { timeout: 600_000 }, async () => {
  let seen = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const caller = randomCaller();
    const expected = sessions
      .filter((session) => isExpected(caller, session))
      .map(({ id }) => id)
      .sort();
    expect([caller, await listed(viewOf(caller))]).toEqual([caller, expected]);
    expect([caller, await checked(viewOf(caller))]).toEqual([caller, expected]);
    seen += expected.length;
  }
  expect(seen).toBeGreaterThan(ROUNDS);
  expect(seen).toBeLessThan(ROUNDS * SESSIONS);
});

test("control: a view of somebody else's is told apart", async () => {
  const bob: LevelCaller = { permission: "write", userId: "bob", keyId: null };
  const mistaken = { ...viewOf(bob), opener: { userId: "ada" } };
  const expected = sessions
    .filter((session) => isExpected(bob, session))
    .map(({ id }) => id)
    .sort();
  expect(await listed(mistaken)).not.toEqual(expected);
  expect(await checked(mistaken)).not.toEqual(expected);
  expect(await counted(mistaken)).not.toEqual(expectedCounts(bob));
  expect(await counted({ ...mistaken, levels: { rule: levelRule({ ...bob, permission: "admin" }), nowMs: NOW } })).not.toEqual(
    expectedCounts(bob),
  );
});
