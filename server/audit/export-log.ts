import {
  auditOrigin,
  CompactRange,
  CSV_HEADER,
  ExportDigest,
  type ExportEntry,
  type ExportFormat,
  exportOrigin,
  formatCsvEntry,
  formatCsvTrailer,
  formatNdjsonEntry,
  formatNdjsonTrailer,
  fromBase64,
  NDJSON_HEADER,
  PlaceRanges,
  RETENTION_ACTION,
  signCheckpoint,
  toBase64,
} from "../../client-sdk/src/audit/index.ts";
import { inTransaction, type WorkspaceContext } from "../permissions/workspace-context.ts";
import { AppError } from "../shared/errors.ts";
import { type ExportPosition, openCursor, sealCursor } from "./export-cursor.ts";
import { type LogPlace, readPlaces } from "./log-entries.ts";
import { recordAudit } from "./record.ts";
import { readRetentions } from "./retentions.ts";

export interface ExportFilter {
  /** ISO 8601 in UTC, to the millisecond, both included. */
  from?: string | undefined;
  to?: string | undefined;
  action?: string | undefined;
  outcome?: string | undefined;
}

export interface ExportRequest {
  format: ExportFormat;
  filter: ExportFilter;
  cursor?: string | undefined;
}

/** A piece of the file, and what asks for the next one; null behind the last. */
export interface ExportChunk {
  text: string;
  nextCursor: string | null;
}

const PLACES_PER_CHUNK = 500;

const FORMATS = {
  ndjson: { header: NDJSON_HEADER, formatEntry: formatNdjsonEntry, formatTrailer: formatNdjsonTrailer },
  csv: { header: CSV_HEADER, formatEntry: formatCsvEntry, formatTrailer: formatCsvTrailer },
} as const satisfies Record<ExportFormat, object>;

/**
 * The next chunk of an export; all of them in order are the file. The first one records that the trail was exported and
 * seals what there is, that record included; the last one signs the file. Nothing is kept between two chunks, so an
 * export is of any size, and each chunk is decided upon anew.
 */
export async function exportLog(ctx: WorkspaceContext, request: ExportRequest): Promise<ExportChunk> {
  const { workspaceId, auditLogSeal } = ctx;
  const { header, formatEntry, formatTrailer } = FORMATS[request.format];
  const filter = definedOf(request.filter);
  const query = { workspaceId, format: request.format, filter };
  const position = request.cursor === undefined ? await begin(ctx, query) : openCursor(auditLogSeal.keys, query, request.cursor);
  const { treeSize, next } = position;
  const digest = new ExportDigest(position.records, fromBase64(position.digest) ?? undefined);
  const to = Math.min(next + PLACES_PER_CHUNK, treeSize);
  const places = await readPlaces(ctx.db, { from: next, to, take: PLACES_PER_CHUNK });
  const isGone = places.some(({ kind }) => kind === "missing");
  const retentions = isGone ? await readRetentions(ctx.db, workspaceId, auditLogSeal.keys) : [];
  const expired = new PlaceRanges(retentions.flatMap((retention) => retention.places));
  const kindOf = (place: LogPlace) =>
    place.kind === "missing" && expired.has(place.seq) ? "expired" : matches(place, request.filter) ? "wanted" : "omitted";
  const records = [...(request.cursor === undefined ? [header] : []), ...toEntries(places, next, to, kindOf).map(formatEntry)];
  for (const record of records) digest.add(record);
  if (to < treeSize) {
    const after: ExportPosition = { treeSize, next: to, records: digest.records, digest: toBase64(digest.hash) };
    return { text: records.join(""), nextCursor: sealCursor(auditLogSeal.keys, query, after) };
  }
  const trailer = await signFile(ctx, treeSize, filter, digest);
  return { text: records.join("") + formatTrailer(trailer), nextCursor: null };
}

async function begin(ctx: WorkspaceContext, query: { format: string; filter: object }): Promise<ExportPosition> {
  const { workspaceId, auditLogSeal, db, log } = ctx;
  await inTransaction(ctx, (tx) =>
    recordAudit(tx, {
      action: "audit.export",
      target: { kind: "workspace", id: workspaceId },
      after: { format: query.format, filter: query.filter },
    }),
  );
  // An export of a log that cannot be continued is what shows why.
  await auditLogSeal.seal(workspaceId).catch((error: unknown) => {
    log.error({ workspaceId, err: { message: error instanceof Error ? error.message : String(error) } }, "audit: not sealed");
  });
  const { leaves, treeSize } = await db.auditLog.state();
  if (leaves > 0 && treeSize === 0) {
    throw new AppError("CONFLICT", `The log has ${leaves} entries and no checkpoint that an export could prove; verify it`);
  }
  // Another process may be sealing at this moment; what it has sealed so far is what there is to export.
  if (treeSize === 0) {
    throw new AppError("SERVICE_UNAVAILABLE", "The audit trail is being sealed; try again", { retryAfterSeconds: 1 });
  }
  const { records, hash } = new ExportDigest();
  return { treeSize, next: 0, records, digest: toBase64(hash) };
}

async function signFile(ctx: WorkspaceContext, treeSize: number, filter: Record<string, string>, digest: ExportDigest) {
  const { workspaceId, auditLogSeal, db } = ctx;
  const row = await db.auditCheckpoint.findFirst({ where: { treeSize } });
  if (!row) throw new AppError("CONFLICT", `The log's checkpoint at ${treeSize} is gone; verify the log`);
  const content = { checkpoint: row.note, filter };
  digest.addTrailer(content);
  const file = { origin: exportOrigin(auditOrigin(workspaceId)), treeSize: digest.records, rootHash: digest.hash };
  return { ...content, signature: await signCheckpoint(file, auditLogSeal.keys.signing) };
}

/**
 * The places `from` to `to` as an export has them: those that are wanted by themselves, gone or not, and all others by the
 * hashes of their ranges.
 */
function toEntries(
  places: readonly LogPlace[],
  from: number,
  to: number,
  kindOf: (place: LogPlace) => "wanted" | "omitted" | "expired",
): ExportEntry[] {
  const entries: ExportEntry[] = [];
  let range = new CompactRange(from);
  let kind: "omitted" | "expired" = "omitted";
  const flush = (next: number) => {
    if (range.to > range.from) entries.push({ kind, from: range.from, to: range.to, hashes: range.hashes });
    if (next > range.to) entries.push({ kind: "lost", from: range.to, to: next });
    range = new CompactRange(next);
  };
  for (const place of places) {
    const due = kindOf(place);
    if (place.seq > range.to || due !== kind) flush(place.seq);
    if (due === "wanted") {
      entries.push(place);
      range = new CompactRange(place.seq + 1);
    } else {
      kind = due;
      range.append(place.leafHash);
    }
  }
  flush(to);
  return entries;
}

/** What is gone is in every export, because it may have been anything; so is what says why events are gone. */
function matches(place: LogPlace, { from, to, action, outcome }: ExportFilter): boolean {
  if (place.kind === "missing" || place.leaf.action === RETENTION_ACTION) return true;
  const { leaf } = place;
  return (
    (from === undefined || leaf.occurredAt >= from) &&
    (to === undefined || leaf.occurredAt <= to) &&
    (action === undefined || leaf.action === action) &&
    (outcome === undefined || leaf.outcome === outcome)
  );
}

function definedOf(filter: ExportFilter): Record<string, string> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
