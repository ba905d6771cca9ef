import { fromBase64, toBase64 } from "./bytes.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { ExportEntry, ExportTrailer } from "./export-entries.ts";
import type { AuditLeaf } from "./leaf.ts";

/** The first line: what kind of file this is. */
export const NDJSON_HEADER = `${canonicalJson({ format: "parlant-audit-export", v: 1 })}\n`;

/** An entry as a line of JSON. */
export function formatNdjsonEntry(entry: ExportEntry): string {
  return `${canonicalJson(toJson(entry))}\n`;
}

export function formatNdjsonTrailer(trailer: ExportTrailer): string {
  return `${canonicalJson(trailer)}\n`;
}

function toJson(entry: ExportEntry): object {
  switch (entry.kind) {
    case "event":
      return { seq: entry.seq, leafHash: toBase64(entry.leafHash), leaf: entry.leaf };
    case "missing":
      return { seq: entry.seq, leafHash: toBase64(entry.leafHash), leaf: null };
    case "expired":
      return { from: entry.from, to: entry.to, expired: entry.hashes.map(toBase64) };
    case "omitted":
      return { from: entry.from, to: entry.to, hashes: entry.hashes.map(toBase64) };
    case "lost":
      return { from: entry.from, to: entry.to, hashes: null };
  }
}

/** The entry or trailer of a line, or null where it is none: its spelling is for the caller to compare. */
export function parseNdjsonLine(line: string): ExportEntry | ExportTrailer | null {
  const value = parseObject(line);
  if (!value) return null;
  const { seq, from, to, checkpoint, filter, signature } = value;
  if (typeof checkpoint === "string" && typeof signature === "string" && isObject(filter)) {
    // Of these keys alone: the signature is over no other, so that a line with more must not be spelled like it.
    return { checkpoint, filter: filter as Record<string, string>, signature };
  }
  if (isPlace(seq)) {
    const leafHash = hashOf(value["leafHash"]);
    if (!leafHash) return null;
    if (value["leaf"] === null) return { kind: "missing", seq, leafHash };
    return isObject(value["leaf"]) ? { kind: "event", seq, leafHash, leaf: value["leaf"] as unknown as AuditLeaf } : null;
  }
  if (!isPlace(from) || !isPlace(to)) return null;
  if (value["hashes"] === null) return { kind: "lost", from, to };
  const kind = value["expired"] === undefined ? "omitted" : "expired";
  const encoded = value[kind === "expired" ? "expired" : "hashes"];
  const hashes = Array.isArray(encoded) ? encoded.map(hashOf) : [null];
  return hashes.every((hash) => hash !== null) ? { kind, from, to, hashes } : null;
}

function hashOf(value: unknown): Uint8Array | null {
  return typeof value === "string" ? fromBase64(value) : null;
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null; // not JSON
  }
}
