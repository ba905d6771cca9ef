import type pg from "pg";
import { SERVER_RULES } from "../../../client-sdk/src/generated/server-rules.ts";
import { createClient, type SimClient, type Workspace } from "../../../client-sdk/src/index.ts";
import { createFakeServer, createFakeServerWith, type FakeServer } from "../../../client-sdk/src/testing/create-fake-server.ts";
import { emptyTables, type FakeParts, type Tables } from "../../../client-sdk/src/testing/state.ts";
import { createMovableClock, type MovableClock } from "../../support/clock.ts";
import { grantPermission, makeApiKey, makeSession, makeUser, makeWorkspace, signSessionToken } from "../../support/database.ts";
import type { TestServer } from "../../support/server.ts";
import { TEST_BETTER_AUTH_SECRET } from "../../support/services.ts";

type Permission = "read" | "write" | "admin";

/** Who calls: people by their sessions, the admin of another workspace among them; keys; and one whom nobody knows. */
export type Who = "admin" | "writer" | "reader" | "outsider" | "adminKey" | "workspaceKey" | "nobody";
type Person = "admin" | "writer" | "reader" | "outsider";

/** A workspace with its people and another one, at the server or at the fake of it. */
export interface World {
  workspaceId: string;
  /** The outsider's, where nobody else has a permission. */
  elsewhereId: string;
  userIds: Record<Person, string>;
  as(who: Who): SimClient;
  /** The workspace, as somebody meets it. */
  ws(who: Who): Workspace;
  /** The other one. */
  elsewhere(who: Who): Workspace;
  setPermission(person: Person, permission: Permission | null): Promise<void>;
  /** The admin's key is good no longer. */
  revokeAdminKey(): Promise<void>;
  /** Time goes on by so many milliseconds. */
  forward(milliseconds: number): void;
}

/** How a world is made; each has workspaces of its own. */
export type MakeWorld = () => Promise<World>;

type Credential = { apiKey: string } | { token: string };
type Facts = Omit<World, "as" | "ws" | "elsewhere"> & {
  /** Without an address, any will do. */
  at: { baseUrl: string; fetch?: FakeServer["fetch"] };
  credentials: Record<Exclude<Who, "nobody">, Credential>;
};

function worldOf({ at, credentials, ...facts }: Facts): World {
  const as = (who: Who) =>
    createClient({ ...at, ...(who === "nobody" ? { apiKey: "sk-sim-unknown-0123456789" } : credentials[who]) });
  return {
    ...facts,
    as,
    ws: (who) => as(who).workspace(facts.workspaceId),
    elsewhere: (who) => as(who).workspace(facts.elsewhereId),
  };
}

/** Worlds at a fake; at one of other parts, where a rule is to be missed. */
export function fakeWorlds(change: (parts: FakeParts) => FakeParts = (parts) => parts): MakeWorld {
  return async () => {
    const clock = createMovableClock();
    const server = createFakeServerWith(change({ rules: SERVER_RULES, now: clock.now, tablesOf: separateTables() }));
    return fakeWorld(server, clock);
  };
}

/** Worlds at a fake as anybody makes it. */
export const publicFakeWorlds: MakeWorld = async () => {
  const clock = createMovableClock();
  return fakeWorld(createFakeServer({ now: clock.now }), clock);
};

export function separateTables(): FakeParts["tablesOf"] {
  const tables = new Map<string, Tables>();
  return (workspaceId) => {
    const found = tables.get(workspaceId) ?? emptyTables();
    tables.set(workspaceId, found);
    return found;
  };
}

function fakeWorld(server: FakeServer, clock: MovableClock): World {
  const userIds = { admin: "u-admin", writer: "u-writer", reader: "u-reader", outsider: "u-outsider" };
  const workspaceId = server.addWorkspace({ members: { "u-admin": "admin", "u-writer": "write", "u-reader": "read" } });
  const elsewhereId = server.addWorkspace({ members: { "u-outsider": "admin" } });
  const apiKey = server.addApiKey({ userId: userIds.admin });
  return worldOf({
    ...{ workspaceId, elsewhereId, userIds },
    at: { baseUrl: "http://parlant.test", fetch: server.fetch },
    credentials: {
      admin: { token: server.addToken(userIds.admin) },
      writer: { token: server.addToken(userIds.writer) },
      reader: { token: server.addToken(userIds.reader) },
      outsider: { token: server.addToken(userIds.outsider) },
      adminKey: { apiKey },
      workspaceKey: { apiKey: server.addApiKey({ workspaceId }) },
    },
    setPermission: async (person, permission) => server.setPermission(workspaceId, userIds[person], permission),
    revokeAdminKey: async () => server.revoke(apiKey),
    forward: clock.forward,
  });
}

/** Worlds at the real server. */
export function realWorlds(server: () => TestServer, clock: MovableClock): MakeWorld {
  return async () => {
    const { url, database } = server();
    const { owner } = database;
    const [admin, writer, reader, outsider] = [
      await signIn(owner),
      await signIn(owner),
      await signIn(owner),
      await signIn(owner),
    ];
    const { id: workspaceId } = await makeWorkspace(owner, { ownerId: admin.id });
    await grantPermission(owner, { userId: writer.id, workspaceId, permission: "write" });
    await grantPermission(owner, { userId: reader.id, workspaceId, permission: "read" });
    const elsewhere = await makeWorkspace(owner, { ownerId: outsider.id });
    const adminKey = await makeApiKey(owner, { userId: admin.id });
    const workspaceKey = await makeApiKey(owner, { userId: admin.id, workspaceId });
    const userIds = { admin: admin.id, writer: writer.id, reader: reader.id, outsider: outsider.id };
    return worldOf({
      ...{ workspaceId, elsewhereId: elsewhere.id, userIds },
      at: { baseUrl: url },
      credentials: {
        admin: { token: admin.token },
        writer: { token: writer.token },
        reader: { token: reader.token },
        outsider: { token: outsider.token },
        adminKey: { apiKey: adminKey.plain },
        workspaceKey: { apiKey: workspaceKey.plain },
      },
      async setPermission(person, permission) {
        const userId = userIds[person];
        if (permission !== null) await grantPermission(owner, { userId, workspaceId, permission });
        else await owner.query("delete from permissions where user_id = $1 and entity_id = $2", [userId, workspaceId]);
      },
      async revokeAdminKey() {
        await owner.query("delete from api_key where id = $1", [adminKey.id]);
      },
      forward: clock.forward,
    });
  };
}

/** A user with a session that lasts however far a test puts the clock forward. */
async function signIn(owner: pg.Client): Promise<{ id: string; token: string }> {
  const { id } = await makeUser(owner);
  const { token } = await makeSession(owner, id, { expiresAt: new Date(Date.now() + 3_650 * 86_400_000) });
  return { id, token: signSessionToken(token, TEST_BETTER_AUTH_SECRET) };
}
