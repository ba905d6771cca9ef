import type { Clock } from "../../server/shared/clock.ts";

/** A clock that goes on by itself and can be put forward. */
export interface MovableClock extends Clock {
  forward(milliseconds: number): void;
}

export function createMovableClock(): MovableClock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    forward(milliseconds) {
      ahead += milliseconds;
    },
  };
}

/** A clock that stands still until it is put forward: for what ends at a millisecond, however slow the machine is. */
export function createStillClock(): MovableClock {
  let nowMs = Date.now();
  return {
    now: () => nowMs,
    forward(milliseconds) {
      nowMs += milliseconds;
    },
  };
}
