import { expect, test } from "vitest";
import { z } from "zod";
import { decodeCursor, encodeCursor, pageInput } from "../../server/shared/pagination.ts";
import { comparisonKey, nameText } from "../../server/shared/text.ts";

const query = { workspaceId: "w" };
const UUID = "01890000-0000-7000-8000-000000000000";
const input = z.strictObject(pageInput);
const name = nameText(100);

/** Names of characters that are compared as many, as long as they are accepted. */
const WORST_NAMES = ["\ufdfa", "\u3316", "\u33a8", "\ufb03", "\u0390", "\u{10fffd}", '"', "\\", "\uff02"].map((character) => {
  let text = "";
  while (name.safeParse(text + character).success) text += character;
  return text;
});

test("a cursor after any name that is accepted is accepted too, and continues after that name", () => {
  for (const text of WORST_NAMES) {
    const value = comparisonKey(text);
    const { cursor } = input.parse({ cursor: encodeCursor(query, { value, id: UUID }) });
    expect(decodeCursor(query, String(cursor), "text")).toEqual({ value, id: UUID });
  }
});

test("so is one after the longest email that is sorted by, with the longest id", () => {
  for (const character of ["\u0001", "\u{10ffff}", "\uffff", '"']) {
    const keyset = { value: character.repeat(320), id: "\u0001".repeat(128) };
    const { cursor } = input.parse({ cursor: encodeCursor(query, keyset) });
    expect(decodeCursor(query, String(cursor), "text and Sim's id")).toEqual(keyset);
  }
});

test("a name that is compared as a far longer one is refused; control: its cursor would be refused", () => {
  const text = "\ufdfa".repeat(100);
  expect(name.safeParse(text).error?.issues).toMatchObject([{ message: expect.stringContaining("400 characters") }]);
  const cursor = encodeCursor(query, { value: comparisonKey(text), id: UUID });
  expect(() => decodeCursor(query, cursor, "text")).toThrow("is not a cursor");
});
