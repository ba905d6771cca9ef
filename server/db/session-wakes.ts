import type { Hints } from "./hints.ts";

export interface SessionRef {
  workspaceId: string;
  sessionId: string;
}

/** Tells those who wait for a session's events that there may be some. */
export interface SessionWakes {
  /** Called whenever there may be events of the session, and when the server closes; until it is taken away by what this gives back. */
  listen(session: SessionRef, listener: () => void): () => void;
  /** Whether nobody is to wait any more. */
  isClosing(): boolean;
  /** Everyone who waits is woken, and nobody waits from now on. */
  close(): void;
}

/** One subscription for all sessions, so that a hint costs those alone who wait for its session. */
export function createSessionWakes(hints: Pick<Hints, "subscribe">): SessionWakes {
  const bySession = new Map<string, Set<() => void>>();
  let isClosing = false;
  // A session's id is of one length, so that no two pairs are one key.
  const keyOf = ({ workspaceId, sessionId }: SessionRef) => `${sessionId}${workspaceId}`;
  const wakeAll = () => {
    for (const listeners of bySession.values()) for (const listener of listeners) listener();
  };
  const unsubscribe = hints.subscribe((hint) => {
    if (hint.kind === "events") for (const listener of bySession.get(keyOf(hint)) ?? []) listener();
    if (hint.kind === "missed") wakeAll();
  });
  return {
    listen(session, listener) {
      const key = keyOf(session);
      const listeners = bySession.get(key) ?? new Set();
      bySession.set(key, listeners);
      const own = () => listener();
      listeners.add(own);
      return () => {
        listeners.delete(own);
        if (listeners.size === 0 && bySession.get(key) === listeners) bySession.delete(key);
      };
    },
    isClosing: () => isClosing,
    close() {
      isClosing = true;
      unsubscribe();
      wakeAll();
    },
  };
}
