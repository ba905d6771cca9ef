import { type OffsetSpan, offsetSpans } from "./time-zone.ts";

export const INTERVALS = ["day", "hour", "week", "month"] as const;
export type Interval = (typeof INTERVALS)[number];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** More than a month before the range, so that the bucket that it begins in is found. */
const LEAD_MS = 33 * DAY_MS;
/** A Monday, as all of ISO 8601's weeks begin. */
const A_MONDAY_MS = Date.UTC(1970, 0, 5);

/**
 * When the hours, days, weeks or months of the zone begin that lie in the range, in order; the first is the range's own
 * beginning. A day begins with its first moment, also where the clock leaves midnight out; an hour that is had twice is two.
 */
export function bucketStarts(interval: Interval, timeZone: string, fromMs: number, toMs: number): number[] {
  const inside = localStarts(interval, timeZone, fromMs, toMs).filter((startMs) => startMs > fromMs && startMs < toMs);
  return [fromMs, ...inside];
}

/** The beginning of the zone's day that lies so many days before the one of a moment. */
export function startOfDay(timeZone: string, atMs: number, daysBefore: number): number {
  const starts = localStarts("day", timeZone, atMs - (daysBefore + 2) * DAY_MS, atMs + 1).filter((startMs) => startMs <= atMs);
  return starts[starts.length - 1 - daysBefore] ?? atMs;
}

function localStarts(interval: Interval, timeZone: string, fromMs: number, toMs: number): number[] {
  const spans = offsetSpans(timeZone, fromMs - LEAD_MS, toMs);
  const starts = new Map<string, number>();
  spans.forEach((span, index) => {
    const endMs = spans[index + 1]?.fromMs ?? toMs;
    const before = spans[index - 1];
    const add = (local: number, startMs: number) => {
      // Where the clock is put back over midnight, the day has begun already.
      const key = interval === "hour" ? `at ${startMs}` : `local ${local}`;
      if (!starts.has(key)) starts.set(key, startMs);
    };
    // Put back by an hour at a quarter to the hour, the clock shows an hour anew that is partly over.
    if (interval === "hour" && before && shownHour(span.fromMs, span) !== shownHour(span.fromMs - 1, before)) {
      add(span.fromMs, span.fromMs);
    }
    for (const local of localMoments(interval, span, endMs)) {
      const startMs = local - span.offsetMinutes * MINUTE_MS;
      if (startMs >= span.fromMs && startMs < endMs) add(local, startMs);
      // The clock was put forward over it: it begins with the first moment behind the change.
      else if (startMs < span.fromMs && before && local >= span.fromMs + before.offsetMinutes * MINUTE_MS)
        add(local, span.fromMs);
    }
  });
  return [...new Set(starts.values())].sort((one, another) => one - another);
}

/** What the zone's clock shows where something begins, as if it were UTC: from a day before the span to its end. */
function* localMoments(interval: Interval, { fromMs, offsetMinutes }: OffsetSpan, endMs: number): Generator<number> {
  const offsetMs = offsetMinutes * MINUTE_MS;
  const end = endMs + offsetMs;
  for (let local = floorTo(interval, fromMs + offsetMs - DAY_MS); local < end; local = next(interval, local)) yield local;
}

/** The hour that a clock with the span's offset shows. */
function shownHour(atMs: number, { offsetMinutes }: OffsetSpan): number {
  return floorTo("hour", atMs + offsetMinutes * MINUTE_MS);
}

function floorTo(interval: Interval, local: number): number {
  if (interval === "hour") return Math.floor(local / HOUR_MS) * HOUR_MS;
  if (interval === "day") return Math.floor(local / DAY_MS) * DAY_MS;
  if (interval === "week") return A_MONDAY_MS + Math.floor((local - A_MONDAY_MS) / (7 * DAY_MS)) * 7 * DAY_MS;
  const date = new Date(local);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

function next(interval: Interval, local: number): number {
  if (interval === "hour") return local + HOUR_MS;
  if (interval === "day") return local + DAY_MS;
  if (interval === "week") return local + 7 * DAY_MS;
  const date = new Date(local);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
