import { isGuardRejection } from "../../db/errors.ts";
import type { SessionFacts } from "../../db/session-facts.ts";
import type { SimFeatures } from "../../db/sim-features.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import { heldPermissions } from "../../permissions/held-permissions.ts";
import { agentLevel, type LevelGrant } from "../../permissions/levels.ts";
import { seesSession } from "../../permissions/session-access.ts";
import { levelRuleOf } from "../../permissions/workspace-context.ts";
import type { Clock } from "../../shared/clock.ts";
import type { EventReader } from "./event-reader.ts";

/** Those of the readers who may read on, each with the number of its session's events. The others are told to be decided again. */
export type DecideReaders = (readers: readonly EventReader[]) => Promise<Map<EventReader, number>>;

const WORKSPACES_AT_ONCE = 4;

/**
 * Decides upon any number of readers together: whether what they were let in with still is what Sim's tables say, in one
 * statement for all, and then whether each still sees its session, in one for each workspace. What was read before it
 * began may be given to those whom it names, since none of them had lost anything by then.
 */
export function createReaderDecision(options: { sim: SimReader; features: SimFeatures; clock: Clock }): DecideReaders {
  return async (readers) => {
    const seeing = new Map<EventReader, number>();
    const asked = readers.map((reader) => {
      const { workspaceId, principal, proof, permission } = reader.ctx;
      return { workspaceId, principal, proof, permission, reader };
    });
    const held = await heldPermissions(options, asked);
    for (const one of asked) if (!held.has(one)) one.reader.undecide();
    const byWorkspace = [
      ...Map.groupBy(
        [...held].map(({ reader }) => reader),
        ({ ctx }) => ctx.workspaceId,
      ).values(),
    ];
    for (let from = 0; from < byWorkspace.length; from += WORKSPACES_AT_ONCE) {
      const some = byWorkspace.slice(from, from + WORKSPACES_AT_ONCE);
      await Promise.all(some.map((ofOne) => decideInWorkspace(ofOne, options.clock, seeing)));
    }
    return seeing;
  };
}

async function decideInWorkspace(readers: readonly EventReader[], clock: Clock, seeing: Map<EventReader, number>): Promise<void> {
  const facts = await readFacts(readers);
  const nowMs = clock.now();
  for (const reader of readers) {
    const found = facts.get(reader.sessionId);
    if (found && isAuthentic(reader, found) && isSeenBy(reader, found, nowMs)) seeing.set(reader, found.eventCount);
    else reader.undecide();
  }
}

/** Read in the right of one of them; who has lost it meanwhile is decided again, and the next is taken. */
async function readFacts(readers: readonly EventReader[]): Promise<Map<string, SessionFacts>> {
  const sessionIds = [...new Set(readers.map(({ sessionId }) => sessionId))];
  const userIds = [...new Set(readers.flatMap(({ ctx }) => levelRuleOf(ctx).grantee ?? []))];
  for (const reader of readers) {
    try {
      const facts = await reader.ctx.db.sessionFacts({ sessionIds, userIds });
      return new Map(facts.map((found) => [found.sessionId, found]));
    } catch (error) {
      if (!isGuardRejection(error)) throw error;
      reader.undecide();
    }
  }
  return new Map();
}

/** Whether the rows are the very ones whose boundaries were verified for this reader. */
function isAuthentic({ known }: EventReader, { boundary, agentBoundary }: SessionFacts): boolean {
  return known.session.boundary === boundary && known.agent.boundary === agentBoundary;
}

function isSeenBy({ ctx, opener }: EventReader, session: SessionFacts, nowMs: number): boolean {
  const rule = levelRuleOf(ctx);
  const agent = {
    visibility: session.agentVisibility,
    createdBy: session.agentCreatedBy,
    createdByKeyId: session.agentCreatedByKeyId,
  };
  const level = agentLevel(rule, agent, grantOf(rule.grantee, session), nowMs);
  return seesSession({ level, opener }, session.agentIsolationLevel, session);
}

function grantOf(grantee: string | null, { grants }: SessionFacts): LevelGrant | null {
  const [, level, expiresAt] = grants.find(([userId]) => userId === grantee) ?? [];
  return level === undefined ? null : { level, expiresAt: expiresAt ? new Date(expiresAt) : null };
}
