import type { SessionRef, SessionWakes } from "../../db/session-wakes.ts";

/** Rings when there may be events of a session. */
export interface Alarm {
  /** What rang before is forgotten. */
  reset(): void;
  /** Resolves once it has rung since the reset, or after so long. */
  rings(withinMs: number): Promise<void>;
  close(): void;
}

export function openAlarm(wakes: Pick<SessionWakes, "listen">, session: SessionRef): Alarm {
  let ring = Promise.withResolvers<void>();
  const stop = wakes.listen(session, () => ring.resolve());
  return {
    reset() {
      ring = Promise.withResolvers();
    },
    async rings(withinMs) {
      const timer = setTimeout(ring.resolve, withinMs);
      await ring.promise;
      clearTimeout(timer);
    },
    close: stop,
  };
}
