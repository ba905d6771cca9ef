/** From when on a zone is how far ahead of UTC. */
export interface OffsetSpan {
  fromMs: number;
  offsetMinutes: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Whether it is the name of a zone of IANA's; an offset like +02:00 is none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false; // what Intl does not know
  }
}

/**
 * How far the zone is ahead of UTC from one moment to another, changes of the clock included, in order. They are worked
 * out here and not by PostgreSQL, so that all numbers of an answer rest on one and the same table of zones.
 */
export function offsetSpans(timeZone: string, fromMs: number, toMs: number): OffsetSpan[] {
  const offsetAt = offsetReader(timeZone);
  const spans: OffsetSpan[] = [{ fromMs, offsetMinutes: offsetAt(fromMs) }];
  for (let at = fromMs; at < toMs; at += DAY_MS) {
    const next = Math.min(at + DAY_MS, toMs);
    const [before, after] = [offsetAt(at), offsetAt(next)];
    if (before !== after) spans.push({ fromMs: changeBetween(offsetAt, at, next, after), offsetMinutes: after });
  }
  return spans;
}

/** The first minute of the later offset. */
function changeBetween(offsetAt: (atMs: number) => number, beforeMs: number, afterMs: number, after: number): number {
  let [low, high] = [Math.floor(beforeMs / MINUTE_MS), Math.ceil(afterMs / MINUTE_MS)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * MINUTE_MS) === after) high = middle;
    else low = middle;
  }
  return high * MINUTE_MS;
}

function offsetReader(timeZone: string): (atMs: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (atMs) => {
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    const wholeSecondMs = Math.floor(atMs / 1_000) * 1_000;
    return Math.round((Date.UTC(year, month - 1, day, hour, minute, second) - wholeSecondMs) / MINUTE_MS);
  };
}
