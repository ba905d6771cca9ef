import { expect, test } from "vitest";
import { MAX_TRIES, pauseSeconds, retryDelaySeconds } from "../../server/outbox/retry-schedule.ts";

const middle = () => 0.5;

test("a delivery is tried ten times over three days and more, and then no more", () => {
  const delays = Array.from({ length: MAX_TRIES }, (_, index) => retryDelaySeconds(index + 1, null, middle));
  expect(delays).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, null]);
});

test("each delay varies by a fifth, and the receiver's own wish counts where it is longer, up to a day", () => {
  expect([retryDelaySeconds(2, null, () => 0), retryDelaySeconds(2, null, () => 0.999_999)]).toEqual([240, 360]);
  expect(retryDelaySeconds(1, 60, middle)).toBe(60);
  expect(retryDelaySeconds(2, 60, middle)).toBe(300);
  expect(retryDelaySeconds(1, 999_999_999, middle)).toBe(86_400);
});

test("an endpoint that fails again and again is left alone for longer and longer, up to ten minutes", () => {
  expect([1, 2, 3, 4, 5, 20].map((failures) => pauseSeconds(failures, null))).toEqual([0, 0, 15, 30, 60, 600]);
  expect(pauseSeconds(1, 120)).toBe(120);
});
