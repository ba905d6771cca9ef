/** Another transaction changed the row between its load and its change here; the call is made again from its start. */
export class StaleRowError extends Error {
  override name = "StaleRowError";
}
