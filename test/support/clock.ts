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
