import { recordAudit } from "../../audit/record.ts";
import { actingUserId } from "../../auth/principal.ts";
import { type BoundaryKeys, signBoundary } from "../../isolation/boundary.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import { newId } from "../../shared/ids.ts";
import type { LeveledAgent } from "../agents/agent-row.ts";
import { once } from "../once.ts";
import { assertAgentActive } from "./agent-active.ts";
import type { CreateSessionInput, Session } from "./schemas.ts";
import { toSession } from "./session-row.ts";

/**
 * Opens a session with an agent, which is counted with it. The agent is shared until the commit, so that it is not
 * archived or deleted beside it.
 *
 * @throws AppError CONFLICT where the agent is not active
 */
export function createSession(tx: TransactionContext, agent: LeveledAgent, input: CreateSessionInput): Promise<Session> {
  return once(tx, "session.create", input, async () => {
    assertAgentActive(agent.status);
    // The keys as they stand in this transaction: a row must not be signed with those of a workspace that is gone.
    const keys = await tx.renewKeys(tx.db);
    const session = await tx.db.session.create({ data: newSession(tx, keys, input) });
    const { id, agentId, createdAt } = session;
    await tx.db.countSession({ agentId, sessionId: id, sessions: 1, messages: 0, activeAt: createdAt });
    const { workspaceId: _, ...fields } = input;
    await recordAudit(tx, { action: "session.create", target: { kind: "session", id }, after: fields });
    return toSession(session);
  });
}

function newSession(tx: TransactionContext, keys: BoundaryKeys, input: CreateSessionInput) {
  const { workspaceId: _, ...fields } = input;
  const { principal, workspaceId } = tx;
  const nowMs = tx.clock.now();
  const id = newId(nowMs);
  const createdAt = new Date(nowMs);
  return {
    ...fields,
    id,
    userId: actingUserId(principal),
    createdByKeyId: principal.kind === "personal_api_key" || principal.kind === "workspace_api_key" ? principal.keyId : null,
    startedAt: createdAt,
    lastActivityAt: createdAt,
    createdAt,
    updatedAt: createdAt,
    ...signBoundary(keys, { kind: "session", workspaceId, id, createdAt }),
  };
}
