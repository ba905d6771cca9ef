import { harmless } from "./harmless.ts";

const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
const MARK = /^\p{M}$/u;
const MAX_CELL = 60;

/** Rows under their heads, in columns as wide as they need to be; a long cell is cut. */
export function toTable(heads: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = [heads.map((head) => head.toUpperCase()), ...rows.map((row) => row.map(toCell))];
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ""))));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd();
  return cells.map(line).join("\n");
}

/** Names and what they are, a line each. */
export function toPairs(entries: readonly (readonly [string, unknown])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${toText(value)}`.trimEnd()).join("\n");
}

function toCell(value: unknown): string {
  const characters = [...toText(value)];
  return characters.length > MAX_CELL ? `${characters.slice(0, MAX_CELL - 1).join("")}…` : characters.join("");
}

function toText(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return harmless(value.join(", ")) || "-";
  return harmless(typeof value === "object" ? JSON.stringify(value) : String(value));
}

/** How many columns of a terminal a text takes. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}
