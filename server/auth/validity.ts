import type { SimFeatures } from "../db/sim-features.ts";
import { andUnbanned } from "../db/sim-time.ts";
import type { Clock } from "../shared/clock.ts";

/** SQL: the moment of the look-up, always its second parameter, as the UTC wall clock that Sim's columns hold. */
export const MOMENT = "($2::timestamptz AT TIME ZONE 'UTC')";

/** The value of MOMENT. */
export function momentOf(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}

/**
 * SQL: the user `u` is not banned at MOMENT; a ban without an end lasts. An older Sim that cannot ban has no such
 * columns, so the condition, and with it the second parameter, is left out there.
 */
export function andNotBanned(features: SimFeatures): string {
  return andUnbanned(features, MOMENT);
}

/** Tells apart the prepared statements that differ by andNotBanned. */
export function statementName(name: string, features: SimFeatures): string {
  return features.userBanned ? name : `${name}_without_bans`;
}
