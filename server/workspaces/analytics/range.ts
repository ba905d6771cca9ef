import { invalidInput } from "../../shared/errors.ts";
import { bucketStarts, type Interval, startOfDay } from "./buckets.ts";
import type { AnalyticsPeriod } from "./schemas.ts";

/** What all numbers are kept by: every zone's hours and days begin at a whole quarter of an hour. */
export const GRAIN_MS = 15 * 60_000;
const DAY_MS = 86_400_000;
const MAX_DAYS = 732;
const MAX_BUCKETS = 1_000;
const DAYS = { "7d": 7, "30d": 30, "90d": 90 } as const satisfies Record<AnalyticsPeriod, number>;
/** The last quarter of an hour that a date of four digits can begin. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 45);
const DEFAULT_PERIOD = "30d";

/** The time that an answer is of: `to` is excluded, and as much of the time before is compared with. */
export interface AnalyticsRange {
  period: AnalyticsPeriod | "custom";
  previousFrom: Date;
  from: Date;
  to: Date;
}

export interface AskedRange {
  period?: AnalyticsPeriod | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
  timezone: string;
}

/**
 * The range that is asked for, in whole quarters of an hour. A period is so many days of the zone, today's being the last.
 *
 * @throws AppError BAD_REQUEST where both a period and a range are given, or the range has no time in it, or too much
 */
export function toRange({ period, from, to, timezone }: AskedRange, nowMs: number): AnalyticsRange {
  if (from === undefined && to === undefined) return periodRange(period ?? DEFAULT_PERIOD, timezone, nowMs);
  if (period !== undefined) throw refused("period", 'must not be given together with "from" or "to"');
  if (from === undefined) throw refused("from", 'must be given together with "to"');
  const fromMs = Math.floor(from.getTime() / GRAIN_MS) * GRAIN_MS;
  const endMs = to?.getTime() ?? nowMs;
  if (from.getTime() >= endMs)
    throw refused("to", to ? 'must be later than "from"' : '"from" must lie in the past where "to" is not given');
  const toMs = ceil(endMs);
  if (toMs > LAST_MS) throw refused("to", "must be in the year 9999 at the latest");
  if (toMs - fromMs > MAX_DAYS * DAY_MS) throw refused("from", `must be at most ${MAX_DAYS} days before "to"`);
  return rangeOf("custom", fromMs, toMs);
}

/**
 * When the buckets of a range begin.
 *
 * @throws AppError BAD_REQUEST where there are too many
 */
export function bucketsOf({ from, to }: AnalyticsRange, interval: Interval, timezone: string): number[] {
  const starts = bucketStarts(interval, timezone, from.getTime(), to.getTime());
  if (starts.length > MAX_BUCKETS) {
    throw refused("interval", `"${interval}" makes ${starts.length} buckets of this range; at most ${MAX_BUCKETS} are answered`);
  }
  return starts;
}

function periodRange(period: AnalyticsPeriod, timezone: string, nowMs: number): AnalyticsRange {
  const fromMs = startOfDay(timezone, nowMs, DAYS[period] - 1);
  // The quarter that is running is in it, whole: nothing lies behind the present.
  const toMs = ceil(nowMs + 1);
  return rangeOf(period, fromMs, toMs);
}

function rangeOf(period: AnalyticsRange["period"], fromMs: number, toMs: number): AnalyticsRange {
  return { period, previousFrom: new Date(fromMs - (toMs - fromMs)), from: new Date(fromMs), to: new Date(toMs) };
}

function ceil(ms: number): number {
  return Math.ceil(ms / GRAIN_MS) * GRAIN_MS;
}

function refused(field: string, message: string) {
  return invalidInput([{ path: [field], message }]);
}
