import type { DeletedSession, Session } from "../generated/schemas.ts";
import { changedFields, levelOn, loadAgent } from "./agents.ts";
import type { WorkspaceCall } from "./enter.ts";
import { once } from "./once.ts";
import { byValue, pageOf } from "./page.ts";
import type { InputOf } from "./procedures.ts";
import { type AgentRow, newBoundary, type SessionRow } from "./state.ts";

/**
 * The session and its agent, for a caller who sees it and whose level on the agent reaches what the operation needs.
 *
 * @throws NOT_FOUND, always the same one, where it is absent, hidden or of a deleted agent; FORBIDDEN where the caller sees it
 */
export function loadSession(call: WorkspaceCall, sessionId: string, operation: string): { session: SessionRow; agent: AgentRow } {
  const { rules } = call.state;
  const session = call.tables.sessions.get(sessionId);
  const agent = session && call.tables.agents.get(session.agentId);
  if (!session || !agent || agent.deletedAt !== null) throw rules.sessionNotFound();
  const agentLevel = levelOn(call, agent);
  rules.assertSees(call, { ...session, agentLevel, agentIsolationLevel: agent.isolationLevel });
  rules.assertLevel({ accessLevel: agentLevel }, rules.levelOf(operation));
  return { session, agent };
}

/** @throws CONFLICT where the agent is not active */
export function createSession(call: WorkspaceCall, input: InputOf<"workspaces.sessions.create">): Session {
  const { state, principal, tables } = call;
  const agent = loadAgent(call, input.agentId, "session:create");
  return once(call, "session.create", input, () => {
    state.rules.assertAgentActive(agent.status);
    const now = new Date(state.now());
    const session: SessionRow = {
      ...input,
      id: state.rules.newId(now.getTime()),
      userId: state.rules.actingUserId(principal),
      createdByKeyId: principal.kind === "session" ? null : principal.keyId,
      status: "active",
      ...{ eventCount: 0, messageCount: 0, events: [] },
      ...{ startedAt: now, lastActivityAt: now, endedAt: null, createdAt: now, updatedAt: now },
      boundary: newBoundary(),
    };
    tables.sessions.set(session.id, session);
    noteActivity(agent, now);
    return toSession(session);
  });
}

export function listSessions(call: WorkspaceCall, input: InputOf<"workspaces.sessions.list">) {
  const { limit, cursor, sortBy, sortOrder, workspaceId, ...filters } = input;
  const { from, to, tag, ...same } = filters;
  const rows = [...call.tables.sessions.values()].filter(
    (session) =>
      isSeen(call, session) &&
      Object.entries(same).every(([name, value]) => value === undefined || session[name as keyof typeof same] === value) &&
      (tag === undefined || session.tags.includes(tag)) &&
      (from === undefined || session.lastActivityAt >= from) &&
      (to === undefined || session.lastActivityAt <= to),
  );
  const page = pageOf(call, rows, {
    query: { workspaceId, sessions: true, ...filters, sortBy, sortOrder },
    ...{ limit, cursor },
    kind: "time",
    keysetOf: (session) => ({ value: session[sortBy].toISOString(), id: session.id }),
    compare: byValue(sortOrder),
  });
  return { ...page, data: page.data.map(toSession) };
}

export function getSession(call: WorkspaceCall, { sessionId }: InputOf<"workspaces.sessions.get">): Session {
  return toSession(loadSession(call, sessionId, "session:get").session);
}

/** @throws CONFLICT where it is to be made active and its agent is not */
export function updateSession(call: WorkspaceCall, input: InputOf<"workspaces.sessions.update">): Session {
  const { workspaceId: _, sessionId, ...fields } = input;
  const { state } = call;
  const { session, agent } = loadSession(call, sessionId, "session:update");
  const changes = changedFields(session, fields);
  if (Object.keys(changes).length === 0) return toSession(session);
  if (changes.status === "active") state.rules.assertAgentActive(agent.status);
  const now = new Date(state.now());
  Object.assign(session, changes, { updatedAt: now });
  if (changes.status === "active") makeActive(session, now);
  else if (changes.status !== undefined) session.endedAt ??= now;
  return toSession(session);
}

/** @throws FORBIDDEN where the caller neither opened it nor manages its agent */
export function deleteSession(call: WorkspaceCall, { sessionId }: InputOf<"workspaces.sessions.delete">): DeletedSession {
  const { rules } = call.state;
  const { session, agent } = loadSession(call, sessionId, "session:delete");
  if (!rules.isOwnSession(call.principal, session)) rules.assertLevel({ accessLevel: levelOn(call, agent) }, "manage");
  call.tables.sessions.delete(sessionId);
  return { id: sessionId, isolation: { workspaceId: call.workspaceId, verified: true } };
}

/** It was active just now, or it would be abandoned again at once. */
export function makeActive(session: SessionRow, now: Date): void {
  Object.assign(session, { status: "active", endedAt: null, lastActivityAt: now });
}

/** Something happened in one of the agent's sessions. */
export function noteActivity(agent: AgentRow, at: Date): void {
  if (agent.lastActiveAt === null || agent.lastActiveAt < at) agent.lastActiveAt = at;
}

function isSeen(call: WorkspaceCall, session: SessionRow): boolean {
  const agent = call.tables.agents.get(session.agentId);
  if (!agent || agent.deletedAt !== null) return false;
  return call.state.rules.seesSession({ level: levelOn(call, agent), principal: call.principal }, agent.isolationLevel, session);
}

function toSession({ boundary, events: _, ...session }: SessionRow): Session {
  return { ...session, isolation: { workspaceId: session.workspaceId, boundary, verified: true } };
}
