import { LRUCache } from "lru-cache";
import { type Principal, principalId } from "../../auth/principal.ts";
import type { AuthenticSession } from "../../db/session-view.ts";

const MAX_KNOWN = 20_000;

/**
 * Sessions that a caller has posted to lately, as they were found to be authentic. It spares the look at what never
 * changes, and decides nothing: the append's own statement checks that the rows are these very ones, and all else. One
 * caller's is of no use to another, who would be told by the number of statements that the session is there.
 */
const known = new LRUCache<string, AuthenticSession>({ max: MAX_KNOWN });

interface Key {
  workspaceId: string;
  principal: Principal;
  sessionId: string;
}

const keyOf = ({ workspaceId, principal, sessionId }: Key) =>
  JSON.stringify([workspaceId, principal.kind, principalId(principal), sessionId]);

export function findKnown(key: Key): AuthenticSession | undefined {
  return known.get(keyOf(key));
}

export function keepKnown(key: Key, session: AuthenticSession): void {
  known.set(keyOf(key), session);
}

export function forgetKnown(key: Key): void {
  known.delete(keyOf(key));
}
