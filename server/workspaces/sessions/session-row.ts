import type { AgentOfSession, AuthenticSession, LeveledSessionRow, SessionRow } from "../../db/session-view.ts";
import type { BoundaryKeys } from "../../isolation/boundary.ts";
import { type BoundaryProblem, boundaryProblem } from "../../isolation/boundary-problem.ts";
import type { TransactionContext, WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { Session } from "./schemas.ts";

/** What says of a session and its agent whether both were made in the workspace. */
export type SignedSession = Pick<
  LeveledSessionRow,
  "workspaceId" | "id" | "agentId" | "createdAt" | "boundary" | "boundaryKeyVersion"
> &
  Pick<AgentOfSession, "agentCreatedAt" | "agentBoundary" | "agentBoundaryKeyVersion">;

/** The session and its agent by what their boundaries are made of. */
export function toAuthentic(row: SignedSession): AuthenticSession {
  const { id, createdAt, boundary, boundaryKeyVersion, agentId, agentCreatedAt, agentBoundary, agentBoundaryKeyVersion } = row;
  return {
    session: { id, createdAt, boundary, boundaryKeyVersion },
    agent: { id: agentId, createdAt: agentCreatedAt, boundary: agentBoundary, boundaryKeyVersion: agentBoundaryKeyVersion },
  };
}

/**
 * The rows that were made in this workspace, of agents that were. Any other counts as absent, and is a violation once the
 * workspace's keys have been read again, as with agents.
 */
export async function authenticSessions<Row extends SignedSession>(
  ctx: WorkspaceContext | TransactionContext,
  rows: Row[],
): Promise<Row[]> {
  const { workspaceId, principal, request } = ctx;
  if (rows.every((row) => findProblem(workspaceId, row, ctx.keys) === null)) return rows;
  const keys = await ctx.renewKeys(ctx.db);
  return rows.filter((row) => {
    const problem = findProblem(workspaceId, row, keys);
    if (problem === null) return true;
    ctx.reportViolation({ workspaceId, ...problem, reader: { principal, request } });
    return false;
  });
}

interface Problem {
  target: { kind: "session" | "agent"; id: string };
  reasonCode: BoundaryProblem;
}

function findProblem(workspaceId: string, row: SignedSession, keys: BoundaryKeys): Problem | null {
  const { session, agent } = toAuthentic(row);
  if (row.workspaceId !== workspaceId) return { target: { kind: "session", id: row.id }, reasonCode: "BOUNDARY_MISMATCH" };
  const ofSession = boundaryProblem("session", workspaceId, keys, session);
  if (ofSession !== null) return { target: { kind: "session", id: session.id }, reasonCode: ofSession };
  const ofAgent = boundaryProblem("agent", workspaceId, keys, agent);
  return ofAgent && { target: { kind: "agent", id: agent.id }, reasonCode: ofAgent };
}

/** An authentic row as its caller sees it. */
export function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    workspaceId: row.workspaceId,
    agentId: row.agentId,
    userId: row.userId,
    createdByKeyId: row.createdByKeyId,
    customerId: row.customerId,
    title: row.title,
    mode: row.mode,
    status: row.status,
    metadata: row.metadata as Session["metadata"],
    tags: row.tags,
    eventCount: row.eventCount,
    messageCount: row.messageCount,
    startedAt: row.startedAt,
    lastActivityAt: row.lastActivityAt,
    endedAt: row.endedAt,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    isolation: { workspaceId: row.workspaceId, boundary: row.boundary, verified: true },
  };
}
