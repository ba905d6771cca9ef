import { expect, test } from "vitest";
import { bucketStarts, INTERVALS, type Interval, startOfDay } from "../../../server/workspaces/analytics/buckets.ts";
import { isTimeZone, offsetSpans } from "../../../server/workspaces/analytics/time-zone.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const FROM = Date.UTC(2025, 11, 30, 7, 15);
const TO = Date.UTC(2027, 0, 3, 5, 45);
const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kathmandu", // +05:45
  "Pacific/Chatham", // +12:45, changes at 02:45
  "Australia/Lord_Howe", // changes by half an hour
  "America/Havana", // midnight is left out in spring, and had twice in autumn
  "America/St_Johns",
  "Africa/Casablanca", // back and forth around Ramadan
  "Pacific/Kiritimati",
];

/** What a clock on the wall of the zone shows, as JavaScript's own formatting has it. */
function shown(timeZone: string): (atMs: number) => { day: string; hour: string; weekday: string; offset: string } {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    dateStyle: "short",
    timeStyle: "long",
    hourCycle: "h23",
  } as Intl.DateTimeFormatOptions);
  const weekday = new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "short" });
  const known = new Map<number, ReturnType<ReturnType<typeof shown>>>();
  return (atMs) => {
    const before = known.get(atMs);
    if (before) return before;
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    const found = {
      day: `${parts["year"]}-${parts["month"]}-${parts["day"]}`,
      hour: `${parts["hour"]}`,
      weekday: weekday.format(atMs),
      offset: `${parts["timeZoneName"]}`,
    };
    known.set(atMs, found);
    return found;
  };
}

/** The name of the bucket that a moment lies in. */
function nameOf(interval: Interval, clock: ReturnType<typeof shown>): (atMs: number) => string {
  return (atMs) => {
    const { day, hour } = clock(atMs);
    if (interval === "hour") return `${day} ${hour}`;
    if (interval === "month") return day.slice(0, 7);
    if (interval === "day") return day;
    let monday = atMs;
    while (clock(monday).weekday !== "Mon") monday -= DAY_MS / 2;
    return clock(monday).day;
  };
}

/** Where the name changes between two quarters of an hour, and where an hour is had a second time. */
function naiveStarts(interval: Interval, timeZone: string, fromMs: number, toMs: number, clock = shown(timeZone)): number[] {
  const starts = [fromMs];
  const name = nameOf(interval, clock);
  const minutes = new Intl.DateTimeFormat("en-GB", { timeZone, minute: "numeric" });
  for (let at = fromMs + 15 * MINUTE_MS; at < toMs; at += 15 * MINUTE_MS) {
    const isNamedAnew = name(at) !== name(at - 15 * MINUTE_MS);
    const isHadAgain = interval === "hour" && Number(minutes.format(at)) === 0 && at - (starts.at(-1) ?? 0) >= HOUR_MS;
    // Where the clock goes back over midnight, it is the day before for another hour, and no third day.
    if (isNamedAnew && interval !== "hour" && starts.some((startMs) => startMs > at - 2 * HOUR_MS && name(startMs) >= name(at)))
      continue;
    if (isNamedAnew || isHadAgain) starts.push(at);
  }
  return starts;
}

for (const timeZone of ZONES) {
  test(`in ${timeZone} hours, days, weeks and months begin where a clock on the wall says so`, { timeout: 120_000 }, () => {
    const clock = shown(timeZone);
    for (const { fromMs } of offsetSpans(timeZone, FROM, TO)) {
      for (const interval of INTERVALS) {
        const [from, to] = [fromMs - 9 * DAY_MS, fromMs + 9 * DAY_MS];
        const starts = bucketStarts(interval, timeZone, from, to);
        expect([interval, starts]).toEqual([interval, naiveStarts(interval, timeZone, from, to, clock)]);
      }
    }
  });
}

test("the clock's changes are found to the minute, and a day of 23 hours is one", () => {
  const spans = offsetSpans("Europe/Berlin", FROM, TO);
  expect(spans.map(({ fromMs, offsetMinutes }) => [new Date(fromMs).toISOString(), offsetMinutes])).toEqual([
    ["2025-12-30T07:15:00.000Z", 60],
    ["2026-03-29T01:00:00.000Z", 120],
    ["2026-10-25T01:00:00.000Z", 60],
  ]);
  const days = bucketStarts("day", "Europe/Berlin", Date.UTC(2026, 2, 27, 23), Date.UTC(2026, 2, 30, 22));
  expect(days.map((startMs, index) => ((days[index + 1] ?? Date.UTC(2026, 2, 30, 22)) - startMs) / HOUR_MS)).toEqual([
    24, 23, 24,
  ]);
  expect(new Date(startOfDay("Europe/Berlin", Date.UTC(2026, 3, 2, 12), 6)).toISOString()).toBe("2026-03-26T23:00:00.000Z");
});

test("a zone goes by a name of IANA's, and an offset is none", () => {
  for (const name of ["UTC", "Europe/Berlin", "Etc/GMT+5", "asia/kathmandu"])
    expect([name, isTimeZone(name)]).toEqual([name, true]);
  for (const name of ["", "+02:00", "-5", "Mars/Olympus", "Europe/Berlin; drop"])
    expect([name, isTimeZone(name)]).toEqual([name, false]);
});
