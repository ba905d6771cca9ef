import { z } from "zod";
import type { AuditLogKeys } from "../isolation/audit-log-keys.ts";
import { invalidInput } from "../shared/errors.ts";

/** Where an export stands between two of its chunks. */
export interface ExportPosition {
  /** The log's size that the export is of. */
  treeSize: number;
  next: number;
  /** The digest of the file so far. */
  records: number;
  digest: string;
}

const positionSchema = z.strictObject({ treeSize: z.int(), next: z.int(), records: z.int(), digest: z.string() });

/**
 * The position as the caller carries it. It is under a tag, because the file's signature will rest on it; `query` names
 * the workspace, the format and the filter that it is good for.
 */
export function sealCursor(keys: AuditLogKeys, query: object, position: ExportPosition): string {
  const text = JSON.stringify(position);
  return `${Buffer.from(text).toString("base64url")}.${keys.tag(tagged(query, text))}`;
}

/** @throws AppError BAD_REQUEST where the cursor is malformed or was given for another query or workspace */
export function openCursor(keys: AuditLogKeys, query: object, cursor: string): ExportPosition {
  const [encoded = "", tag = "", ...rest] = cursor.split(".");
  const text = Buffer.from(encoded, "base64url").toString();
  if (rest.length > 0 || !keys.isTagOf(tagged(query, text), tag)) {
    const message = "is not a cursor of this export; use nextCursor of the chunk before, with the same format and filter";
    throw invalidInput([{ path: ["cursor"], message }]);
  }
  return positionSchema.parse(JSON.parse(text));
}

function tagged(query: object, text: string): string {
  return JSON.stringify([query, text]);
}
