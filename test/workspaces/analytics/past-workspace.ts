import type pg from "pg";
import type { Dependencies } from "../../../server/dependencies.ts";
import { makeApiKey, type TestDatabase } from "../../support/database.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace } from "../../support/workspace.ts";
import { type PastSession, pastSession, write } from "./history.ts";

const SESSIONS = 120;

interface PastScene {
  database: TestDatabase;
  dependencies: Dependencies;
  superuser: pg.Client;
  /** When the sessions were. */
  times: readonly [number, number][];
}

export const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(Math.random() * values.length)] as Value;

/** A workspace with agents of every kind and a history, and its callers with what each of them may see of it. */
export async function makePastWorkspace({ database, dependencies, superuser, times }: PastScene) {
  const { id: workspaceId, admin, writer, reader } = await makeStaffedWorkspace(database.owner);
  const made = await makeApiKey(database.owner, { userId: admin.id, workspaceId });
  const key = { id: made.id, headers: { "x-api-key": made.plain } };
  const as = (user: { headers: Record<string, string> }) => callerWith(dependencies, user.headers).workspaces;
  const create = async (user: { headers: Record<string, string> }, name: string, fields: object) =>
    (await as(user).agents.create({ workspaceId, name, ...fields })).id;
  const agents = {
    strict: await create(admin, "Strict", {}),
    shared: await create(admin, "Shared", { isolationLevel: "workspace" }),
    hidden: await create(admin, "Hidden", { visibility: "restricted", isolationLevel: "workspace" }),
    writers: await create(writer, "Writer's", { visibility: "restricted" }),
    keys: await create(key, "Key's", {}),
    deleted: await create(admin, "Deleted", { isolationLevel: "workspace" }),
  };
  await as(admin).agents.grants.set({ workspaceId, agentId: agents.hidden, userId: reader.id, level: "view" });
  await as(admin).agents.update({ workspaceId, agentId: agents.shared, status: "inactive" });
  const openers = [
    ...[admin, writer, reader].map(({ id }) => ({ userId: id, createdByKeyId: null })),
    { userId: writer.id, createdByKeyId: key.id },
    { userId: null, createdByKeyId: key.id },
    { userId: null, createdByKeyId: "another key" },
  ];
  const sessions = Array.from({ length: SESSIONS }, () => pastSession(Object.values(agents), openers, times));
  await write(superuser, workspaceId, sessions);
  await as(admin).agents.delete({ workspaceId, agentId: agents.deleted });
  const { strict, shared, hidden, writers, keys } = agents;
  /** Agents whose sessions a caller sees all of, and those of which it sees its own. */
  const seen = (all: string[], own: string[], isOwn: (session: PastSession) => boolean) =>
    sessions.filter((session) => all.includes(session.agentId) || (own.includes(session.agentId) && isOwn(session)));
  const callers = [
    {
      name: "admin",
      headers: admin.headers,
      agents: [strict, shared, hidden, writers, keys],
      sessions: seen([strict, shared, hidden, writers, keys], [], () => false),
    },
    {
      name: "writer",
      headers: writer.headers,
      agents: [strict, shared, writers, keys],
      sessions: seen([shared, writers], [strict, keys], ({ userId }) => userId === writer.id),
    },
    {
      name: "reader",
      headers: reader.headers,
      agents: [strict, shared, hidden, keys],
      sessions: seen([shared, hidden], [strict, keys], ({ userId }) => userId === reader.id),
    },
    {
      name: "key",
      headers: key.headers,
      agents: [strict, shared, keys],
      sessions: seen([shared, keys], [strict], ({ userId, createdByKeyId }) => userId === null && createdByKeyId === key.id),
    },
  ];
  return { workspaceId, callers, agents, sessions };
}

export type PastCaller = Awaited<ReturnType<typeof makePastWorkspace>>["callers"][number];
