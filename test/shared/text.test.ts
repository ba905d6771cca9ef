import { expect, test } from "vitest";
import { comparisonKey, nameText } from "../../server/shared/text.ts";

const name = nameText(10);

test("a name is trimmed, normalized to NFC, and counted after that", () => {
  expect(name.parse("  e\u0301te\u0301 ")).toBe("été");
  expect(name.safeParse("x".repeat(11)).success).toBe(false);
  expect(name.safeParse("e\u0301".repeat(10)).success).toBe(true);
  expect(name.safeParse("\ufdfa".repeat(1_000)).error?.issues).toMatchObject([{ code: "too_big" }]);
});

test("what is not seen, or reorders what is seen, is refused; the joiners of letters and emojis are not", () => {
  for (const text of [
    "",
    "   ",
    "a\0b",
    "a\u202eb",
    "a\u2066b",
    "a\u061cb",
    "\u200b",
    "a\u200bb",
    "\u00ad",
    "\u3164",
    "a\u2029b",
    "\u200d",
    "\ud800",
  ]) {
    expect(name.safeParse(text).success, JSON.stringify(text)).toBe(false);
  }
  for (const text of ["👩‍🚀 crew", "می‌خواهم", "naïve ✔️"]) expect(name.parse(text)).toBe(text.normalize("NFC"));
});

test("names that are read alike are compared alike, and comparing again changes nothing", () => {
  const alike = [
    ["Straße", "STRASSE"],
    ["ΟΔΟΣ", "οδος"],
    ["ﬁn", "FIN"],
    ["é", "E\u0301"],
    ["Zed", "zed\u200d"],
    ["Ａ", "a"],
  ] as const;
  for (const [one, other] of alike) expect(comparisonKey(one)).toBe(comparisonKey(other));
  for (const text of ["İstanbul", "\u0386\u0345", "ǅ", "ΑΣ", "ẞ"])
    expect(comparisonKey(comparisonKey(text))).toBe(comparisonKey(text));
  expect(comparisonKey("scout")).not.toBe(comparisonKey("scouts"));
});
