import { fromBase64, toBase64 } from "./bytes.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { ExportEntry, ExportTrailer } from "./export-entries.ts";
import { parseNdjsonLine } from "./export-ndjson.ts";
import { type AuditLeaf, LEAF_FIELDS } from "./leaf.ts";

/*
 * RFC 4180, with two things that a spreadsheet must not get wrong: text that it would take for a formula stands behind an
 * apostrophe (as does text that begins with one, so that it can be taken off again), and an empty cell is no value, while
 * "" is an empty text.
 */

const COLUMNS = ["seq", ...LEAF_FIELDS, "leafHash", "proof"] as const;
const MISSING = "missing";
const LOST = "lost";
const EXPIRED = "expired";

export const CSV_HEADER = `${COLUMNS.join(",")}\r\n`;

type Cell = string | number | null;

/** An entry as a record. Of places without an event the last column says what they are. */
export function formatCsvEntry(entry: ExportEntry): string {
  switch (entry.kind) {
    case "event":
      return formatRecord([entry.seq, ...LEAF_FIELDS.map((field) => entry.leaf[field]), toBase64(entry.leafHash), null]);
    case "missing":
      return formatRecord([entry.seq, ...blank(LEAF_FIELDS.length), toBase64(entry.leafHash), MISSING]);
    case "expired":
    case "omitted": {
      const range = entry.kind === "expired" ? `to ${entry.to} ${EXPIRED}` : `to ${entry.to}`;
      return formatRecord([entry.from, ...blank(COLUMNS.length - 2), [range, ...entry.hashes.map(toBase64)].join(" ")]);
    }
    case "lost":
      return formatRecord([entry.from, ...blank(COLUMNS.length - 2), `to ${entry.to} ${LOST}`]);
  }
}

export function formatCsvTrailer(trailer: ExportTrailer): string {
  return formatRecord([...blank(COLUMNS.length - 1), canonicalJson(trailer)]);
}

function blank(count: number): null[] {
  return Array<null>(count).fill(null);
}

function formatRecord(cells: readonly Cell[]): string {
  return `${cells.map(formatCell).join(",")}\r\n`;
}

const FORMULA = /^[=+\-@\t\r']/;
const QUOTED = /[",\r\n]/;

function formatCell(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return text === "" || QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The entry or trailer of a record, or null where it is none: its spelling is for the caller to compare. */
export function parseCsvRecord(record: string, workspaceId: string): ExportEntry | ExportTrailer | null {
  const cells = parseCells(record);
  if (cells?.length !== COLUMNS.length) return null;
  const [place, proof, encodedHash] = [cells[0], cells.at(-1), cells.at(-2)];
  if (place === null) return proof == null ? null : parseNdjsonLine(proof);
  const seq = /^\d{1,16}$/.test(place ?? "") ? Number(place) : Number.NaN;
  if (!Number.isSafeInteger(seq)) return null;
  const leafHash = encodedHash == null ? null : fromBase64(encodedHash);
  if (leafHash && proof === null) return toEvent(seq, leafHash, cells, workspaceId);
  if (leafHash) return proof === MISSING ? { kind: "missing", seq, leafHash } : null;
  return parseRange(seq, proof ?? "");
}

function toEvent(seq: number, leafHash: Uint8Array, cells: readonly (string | null)[], workspaceId: string): ExportEntry {
  const fields = Object.fromEntries(LEAF_FIELDS.map((field, index) => [field, cells[index + 1] ?? null]));
  return { kind: "event", seq, leafHash, leaf: { v: 1, workspaceId, ...fields } as AuditLeaf };
}

function parseRange(from: number, proof: string): ExportEntry | null {
  const [word, end = "", ...encoded] = proof.split(" ");
  const to = Number(end);
  if (word !== "to" || !/^\d{1,16}$/.test(end) || !Number.isSafeInteger(to)) return null;
  if (encoded.length === 1 && encoded[0] === LOST) return { kind: "lost", from, to };
  const kind = encoded[0] === EXPIRED ? "expired" : "omitted";
  const hashes = encoded.slice(kind === "expired" ? 1 : 0).map(fromBase64);
  return hashes.every((hash) => hash !== null) ? { kind, from, to, hashes } : null;
}

const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/y;

function parseCells(record: string): (string | null)[] | null {
  const cells: (string | null)[] = [];
  CELL.lastIndex = 0;
  for (let match = CELL.exec(record); match; match = CELL.exec(record)) {
    const [, quoted, plain = "", end] = match;
    const text = quoted?.replaceAll('""', '"') ?? plain;
    cells.push(quoted === undefined && plain === "" ? null : text.replace(/^'/, ""));
    if (end !== ",") return CELL.lastIndex === record.length ? cells : null;
  }
  return null;
}
