import { timeOfId } from "../shared/ids.ts";

/**
 * The time of an event. Whoever writes past the server can write one that JavaScript has not, such as infinity: then the
 * one in its id, so that it can be listed. A verification tells of the event either way.
 */
export function eventTime({ id, occurredAt }: { id: string; occurredAt: Date }): Date {
  const ms = Number(occurredAt);
  return new Date(Number.isFinite(ms) ? ms : timeOfId(id));
}
