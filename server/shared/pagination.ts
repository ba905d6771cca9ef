import { createHash } from "node:crypto";
import { z } from "zod";
import { AppError } from "./errors.ts";
import { simId } from "./text.ts";

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 100;
/** Code units of a sort value: 320 characters beyond the first 65,536, or a comparison key at its longest. */
const MAX_VALUE = 640;
/** The longest cursor that is made of such a value and an id of Sim's, where JSON needs six bytes for each character. */
const MAX_CURSOR = 4_000;

/** The window of a list: how many, and where the page before ended. */
export const pageInput = {
  limit: z.int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT).describe(`How many to return, 1 to ${MAX_LIMIT}`),
  cursor: z
    .string()
    .min(1)
    .max(MAX_CURSOR)
    .optional()
    .describe("nextCursor of the page before, under the same filters and order"),
  sortOrder: z.enum(["asc", "desc"]).default("desc").describe("The order of the list"),
};

/** Where a page ended: the sort value of its last row, a time as ISO 8601, and the row's id, which breaks ties. */
export interface Keyset {
  value: string;
  id: string;
}

/** What a list is ordered by: a time, a whole number or a text, and then a UUID, or an id of Sim's. */
type KeysetKind = "time" | "integer" | "text" | "text and Sim's id";

/** As PostgreSQL's integer holds it. */
const INTEGER = /^(0|-?[1-9]\d{0,9})$/;
const MAX_INTEGER = 2 ** 31 - 1;

const cursorSchema = z.strictObject({
  q: z.string(),
  v: z
    .string()
    .max(MAX_VALUE)
    .refine((text) => !text.includes("\0") && text.isWellFormed()),
  id: simId,
});
const uuid = z.uuid();

/** An opaque cursor that continues `query` alone; `query` names the workspace, filters and order, and not the limit. */
export function encodeCursor(query: unknown, keyset: Keyset): string {
  return Buffer.from(JSON.stringify({ q: fingerprint(query), v: keyset.value, id: keyset.id })).toString("base64url");
}

/**
 * Where the page before ended.
 *
 * @throws AppError BAD_REQUEST where the cursor is malformed or was made for another query or workspace
 */
export function decodeCursor(query: unknown, cursor: string, kind: KeysetKind): Keyset {
  const parsed = cursorSchema.safeParse(parseBase64Json(cursor));
  const isOfKind =
    parsed.success &&
    (kind !== "time" || isTime(parsed.data.v)) &&
    (kind !== "integer" || (INTEGER.test(parsed.data.v) && Math.abs(Number(parsed.data.v)) <= MAX_INTEGER)) &&
    (kind === "text and Sim's id" || uuid.safeParse(parsed.data.id).success);
  if (!isOfKind || parsed.data.q !== fingerprint(query)) {
    const message = "is not a cursor of this list; use nextCursor of the page before, with the same filters and order";
    throw new AppError("BAD_REQUEST", `cursor: ${message}`, { details: { issues: [{ path: ["cursor"], message }] } });
  }
  return { value: parsed.data.v, id: parsed.data.id };
}

/** Exactly as encodeCursor wrote it: PostgreSQL reads fewer years and digits than JavaScript. */
function isTime(text: string): boolean {
  const time = new Date(text);
  return /^[1-9]\d{3}-/.test(text) && !Number.isNaN(time.getTime()) && time.toISOString() === text;
}

function fingerprint(query: unknown): string {
  return createHash("sha256").update(JSON.stringify(query)).digest("base64url").slice(0, 22);
}

function parseBase64Json(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return undefined; // not JSON: the schema refuses it
  }
}
