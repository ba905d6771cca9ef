import type { SimFeatures } from "./sim-features.ts";

/** SQL: the statement's moment, as the UTC wall clock that Sim's columns hold. */
export const NOW_UTC = "(statement_timestamp() at time zone 'UTC')";

/**
 * SQL: and the user `u` is not banned at a moment; a ban without an end lasts. An older Sim that cannot ban has no such
 * columns, so that the condition is left out there.
 */
export function andUnbanned({ userBanned }: Pick<SimFeatures, "userBanned">, moment: string): string {
  return userBanned ? `and not (coalesce(u.banned, false) and (u.ban_expires is null or u.ban_expires > ${moment}))` : "";
}
