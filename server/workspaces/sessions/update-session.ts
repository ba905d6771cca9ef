import { recordAudit } from "../../audit/record.ts";
import type { Prisma } from "../../db/generated/client.ts";
import type { LeveledSessionRow, SessionRow } from "../../db/session-view.ts";
import type { TransactionContext } from "../../permissions/workspace-context.ts";
import { assertAgentActive } from "./agent-active.ts";
import { loadSession } from "./load-session.ts";
import type { Session, UpdateSessionInput } from "./schemas.ts";
import { toSession } from "./session-row.ts";

/**
 * Changes the fields given and leaves the others; null clears. A session that has ended can be made active again.
 *
 * @throws AppError CONFLICT where it is to be made active and its agent is not
 */
export async function updateSession(
  tx: TransactionContext,
  session: LeveledSessionRow,
  input: UpdateSessionInput,
): Promise<Session> {
  const { workspaceId: _, sessionId: __, ...fields } = input;
  const changes = changedFields(session, fields);
  if (Object.keys(changes).length === 0) return toSession(session);
  const now = new Date(tx.clock.now());
  if (changes.status === "active") await assertRevivable(tx, session);
  const { title, mode, customerId, tags, status, endedAt, lastActivityAt } = { ...session, ...changes };
  const [updated] = await tx.db.session.updateManyAndReturn({
    where: { id: session.id },
    // Every field, so that there is one statement to prepare and not one for each choice of fields.
    data: {
      ...{ title, mode, customerId, tags, status, endedAt, lastActivityAt },
      metadata: (changes.metadata ?? session.metadata) as Prisma.InputJsonValue,
      ...(changes.status !== undefined && statusFields(session, changes.status, now)),
      updatedAt: now,
    },
  });
  if (!updated) throw new Error("The session that is locked is not there");
  await recordAudit(tx, {
    action: "session.update",
    target: { kind: "session", id: session.id },
    before: Object.fromEntries(Object.keys(changes).map((name) => [name, session[name as keyof SessionRow]])),
    after: changes,
  });
  return toSession(updated);
}

/**
 * The session can be made active in this transaction: its agent is active, and stays so until the commit.
 *
 * @throws AppError CONFLICT where the agent is not active
 */
export async function assertRevivable(tx: TransactionContext, session: LeveledSessionRow): Promise<void> {
  await tx.db.shareAgent(session.agentId);
  const { agentStatus } = await loadSession(tx, session.id, "interact");
  assertAgentActive(agentStatus);
}

type SessionFields = Omit<UpdateSessionInput, "workspaceId" | "sessionId">;
type Changes = { [Name in keyof SessionFields]?: Exclude<SessionFields[Name], undefined> };

function changedFields(session: SessionRow, fields: SessionFields): Changes {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([name, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(session[name as keyof SessionRow]),
    ),
  );
}

/** What goes with a status: one that is made active was active just now, or it would be abandoned again at once. */
export function statusFields(session: SessionRow, status: SessionRow["status"], now: Date) {
  return status === "active" ? { endedAt: null, lastActivityAt: now } : { endedAt: session.endedAt ?? now };
}
