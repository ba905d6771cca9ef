import type { EventReader } from "./event-reader.ts";

/** How long an event may be left unread once there may be no more: what is left of a second when that has been found out. */
const UNREAD_MS = 200;

/**
 * Watches over what a reader is given and has not taken: whoever does not read would not learn that there is no more. Its
 * connection is ended, with what of it is still on the way.
 */
export function watchGiving(reader: EventReader, hangUp: (() => void) | undefined): { begin(): void; end(): void } {
  let given: object | null = null;
  reader.onHalt = () => {
    const last = given;
    if (last === null) return;
    setTimeout(() => {
      if (given === last && !reader.isEntitled) hangUp?.();
    }, UNREAD_MS).unref();
  };
  return {
    begin() {
      given = {};
    },
    end() {
      given = null;
    },
  };
}
