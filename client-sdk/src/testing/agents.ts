import type { Agent, DeletedAgent } from "../generated/schemas.ts";
import type { WorkspaceCall } from "./enter.ts";
import { once } from "./once.ts";
import { byValue, pageOf } from "./page.ts";
import type { InputOf } from "./procedures.ts";
import type { AccessLevel } from "./server-rules.ts";
import { type AgentRow, newBoundary } from "./state.ts";

/** For as long a deleted agent can be restored: the server's AGENT_RETENTION, unless it is set. */
const RETENTION_MS = 30 * 86_400_000;

/**
 * The agent, for a caller whose level on it reaches what the operation needs.
 *
 * @throws NOT_FOUND, always the same one, where it is absent, deleted or hidden; FORBIDDEN where the caller sees it
 */
export function loadAgent(call: WorkspaceCall, agentId: string, operation: string): AgentRow {
  const { rules } = call.state;
  const agent = call.tables.agents.get(agentId);
  if (!agent) throw rules.agentNotFound();
  const accessLevel = levelOn(call, agent);
  const required = rules.levelOf(operation);
  // A deleted one is absent but for its restoration, and for whoever could not restore it.
  const isRestorable = operation === "agent:restore" && rules.levelSatisfies(accessLevel, required);
  if (agent.deletedAt !== null && !isRestorable) throw rules.agentNotFound();
  rules.assertLevel({ accessLevel }, required);
  return agent;
}

/** The caller's level on an agent. */
export function levelOn({ state, rule }: WorkspaceCall, agent: AgentRow): AccessLevel {
  const grant = rule.grantee === null ? undefined : agent.grants.get(rule.grantee);
  return state.rules.agentLevel(rule, agent, grant ?? null, state.now());
}

export function createAgent(call: WorkspaceCall, input: InputOf<"workspaces.agents.create">): Agent {
  const { state, principal, workspaceId, tables } = call;
  return once(call, "agent.create", input, () => {
    const now = new Date(state.now());
    const agent: AgentRow = {
      ...input,
      id: state.rules.newId(now.getTime()),
      workspaceId,
      createdBy: state.rules.actingUserId(principal),
      createdByKeyId: principal.kind === "session" ? null : principal.keyId,
      ...{ createdAt: now, updatedAt: now, archivedAt: null, deletedAt: null, lastActiveAt: null },
      version: 1,
      boundary: newBoundary(),
      grants: new Map(),
    };
    assertNameIsFree(call, agent);
    tables.agents.set(agent.id, agent);
    return toAgent(call, agent);
  });
}

export function listAgents(call: WorkspaceCall, input: InputOf<"workspaces.agents.list">) {
  const { limit, cursor, sortBy, sortOrder, includeArchived, ...filters } = input;
  const { status, createdBy, tag } = filters;
  const search = filters.search?.toLowerCase();
  const { rules } = call.state;
  const rows = [...call.tables.agents.values()].filter(
    (agent) =>
      agent.deletedAt === null &&
      rules.levelSatisfies(levelOn(call, agent), "view") &&
      (status === undefined ? includeArchived || agent.status !== "archived" : agent.status === status) &&
      (createdBy === undefined || agent.createdBy === createdBy) &&
      (tag === undefined || agent.tags.includes(tag)) &&
      (search === undefined || [agent.name, agent.description].some((text) => text?.toLowerCase().includes(search))),
  );
  const page = pageOf(call, rows, {
    query: { agents: true, ...filters, sortBy, sortOrder, includeArchived },
    ...{ limit, cursor },
    kind: sortBy === "name" ? "text" : "time",
    keysetOf: (agent) => ({
      value: sortBy === "name" ? rules.comparisonKey(agent.name) : agent[sortBy].toISOString(),
      id: agent.id,
    }),
    compare: byValue(sortOrder),
  });
  return { ...page, data: page.data.map((agent) => toAgent(call, agent)) };
}

export function getAgent(call: WorkspaceCall, { agentId }: InputOf<"workspaces.agents.get">): Agent {
  return toAgent(call, loadAgent(call, agentId, "agent:get"));
}

export function updateAgent(call: WorkspaceCall, input: InputOf<"workspaces.agents.update">): Agent {
  const { workspaceId: _, agentId, version, ...fields } = input;
  const { state, tables } = call;
  const { rules } = state;
  const agent = loadAgent(call, agentId, "agent:update");
  if (version !== undefined && version !== agent.version) {
    const message = `The agent has changed: it is at version ${agent.version}, not ${version}`;
    throw new rules.AppError("CONFLICT", message, { details: { code: "VERSION_CONFLICT", currentVersion: agent.version } });
  }
  if (fields.visibility !== undefined && fields.visibility !== agent.visibility) {
    rules.assertLevel({ accessLevel: levelOn(call, agent) }, "manage");
  }
  const changes = changedFields(agent, fields);
  if (Object.keys(changes).length === 0) return toAgent(call, agent);
  const now = new Date(state.now());
  const { status } = changes;
  const changed: AgentRow = {
    ...agent,
    ...changes,
    ...(status !== undefined && { archivedAt: status === "archived" ? now : null }),
    updatedAt: now,
    version: agent.version + 1,
  };
  assertNameIsFree(call, changed);
  tables.agents.set(agentId, changed);
  if (status === "archived") completeSessions(call, agentId, now);
  return toAgent(call, changed);
}

export function deleteAgent(call: WorkspaceCall, { agentId }: InputOf<"workspaces.agents.delete">): DeletedAgent {
  const agent = loadAgent(call, agentId, "agent:delete");
  const deletedAt = new Date(call.state.now());
  call.tables.agents.set(agentId, { ...agent, deletedAt, updatedAt: deletedAt, version: agent.version + 1 });
  completeSessions(call, agentId, deletedAt);
  return { id: agentId, deletedAt, isolation: { workspaceId: call.workspaceId, verified: true } };
}

export function restoreAgent(call: WorkspaceCall, { agentId }: InputOf<"workspaces.agents.restore">): Agent {
  const agent = loadAgent(call, agentId, "agent:restore");
  if (agent.deletedAt === null) return toAgent(call, agent);
  const nowMs = call.state.now();
  if (agent.deletedAt.getTime() + RETENTION_MS <= nowMs) throw call.state.rules.agentNotFound();
  const restored = { ...agent, deletedAt: null, updatedAt: new Date(nowMs), version: agent.version + 1 };
  assertNameIsFree(call, restored);
  call.tables.agents.set(agentId, restored);
  return toAgent(call, restored);
}

/** The fields that are given and differ. */
export function changedFields<Row extends object, Fields extends object>(row: Row, fields: Fields): Given<Fields> {
  const entries = Object.entries(fields).filter(
    ([name, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(row[name as keyof Row]),
  );
  return Object.fromEntries(entries) as Given<Fields>;
}

type Given<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

function completeSessions({ tables }: WorkspaceCall, agentId: string, at: Date): void {
  for (const session of tables.sessions.values()) {
    if (session.agentId === agentId && session.status === "active") {
      Object.assign(session, { status: "completed", endedAt: at, updatedAt: at });
    }
  }
}

/** @throws CONFLICT where another undeleted agent that everyone in the workspace sees has the name, in any case */
function assertNameIsFree({ state, tables }: WorkspaceCall, { id, name, visibility }: AgentRow): void {
  const { AppError, comparisonKey } = state.rules;
  if (visibility !== "workspace") return;
  for (const other of tables.agents.values()) {
    if (other.id === id || other.deletedAt !== null || other.visibility !== "workspace") continue;
    if (comparisonKey(other.name) !== comparisonKey(name)) continue;
    throw new AppError("CONFLICT", `The name "${name}" is taken by another agent of this workspace`, {
      details: { code: "NAME_TAKEN" },
    });
  }
}

function toAgent(call: WorkspaceCall, row: AgentRow): Agent {
  const { boundary, deletedAt: _, lastActiveAt: __, grants: ___, ...agent } = row;
  return {
    ...agent,
    stats: statsOf(call, row),
    accessLevel: levelOn(call, row),
    isolation: { workspaceId: agent.workspaceId, level: agent.isolationLevel, boundary, verified: true },
  };
}

/** What those of the agent's sessions come to that the caller sees. */
function statsOf(call: WorkspaceCall, agent: AgentRow): Agent["stats"] {
  const { rules } = call.state;
  const { principal } = call;
  const seen = [...call.tables.sessions.values()].filter((session) => session.agentId === agent.id);
  const isAll = agent.isolationLevel === "workspace" || rules.levelSatisfies(levelOn(call, agent), "manage");
  const counted = isAll ? seen : seen.filter((session) => rules.isOwnSession(principal, session));
  const last = Math.max(...counted.map(({ lastActivityAt }) => lastActivityAt.getTime()), 0);
  return {
    totalSessions: counted.length,
    totalMessages: counted.reduce((sum, { messageCount }) => sum + messageCount, 0),
    lastActiveAt: isAll ? agent.lastActiveAt : last > 0 ? new Date(last) : null,
  };
}
