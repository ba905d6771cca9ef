import type { AuditProblem } from "./audit-problems.ts";
import { equalBytes, toBase64 } from "./bytes.ts";
import { type Checkpoint, openCheckpoint, parseAuditKeys } from "./checkpoint.ts";
import { CSV_HEADER, formatCsvEntry, formatCsvTrailer, parseCsvRecord } from "./export-csv.ts";
import { ExportDigest, type ExportEntry, type ExportFormat, type ExportTrailer, exportOrigin } from "./export-entries.ts";
import { formatNdjsonEntry, formatNdjsonTrailer, NDJSON_HEADER, parseNdjsonLine } from "./export-ndjson.ts";
import { type ExpiredPlaces, LogChecker } from "./log-checker.ts";
import { NoteError, type NoteKey, noteKey, splitNote } from "./signed-note.ts";
import { ExportFileError, splitRecords } from "./split-records.ts";

/** What an export and the log's public key alone prove. */
export interface ExportVerification {
  valid: boolean;
  workspaceId: string;
  /** The signed state of the log that the file ends with; null where it does not end, or its signature is wrong. */
  treeSize: number | null;
  rootHash: string | null;
  /** What was asked for when it was made. */
  filter: Record<string, string> | null;
  /** Events in the file. */
  events: number;
  /** Events of the log that the filter left out; the file proves that they are there, and not what they are. */
  omitted: number;
  /** Events that are no longer kept, and proven to be gone for that alone: the log says under its key that they were to go. */
  expiredEvents: number;
  expired: readonly ExpiredPlaces[];
  /** At most the first thousand. */
  problems: AuditProblem[];
  problemCount: number;
}

export interface VerifyExportOptions {
  /** The log's public keys, as `audit.verify` gives them; older ones too, where the server's secret was changed. */
  publicKeys: readonly string[];
  /** A checkpoint kept from earlier: that the log has not been cut back or rewritten since is then checked too. */
  checkpoint?: string | undefined;
}

const FORMATS = {
  ndjson: { header: NDJSON_HEADER, formatEntry: formatNdjsonEntry, formatTrailer: formatNdjsonTrailer, parse: parseNdjsonLine },
  csv: { header: CSV_HEADER, formatEntry: formatCsvEntry, formatTrailer: formatCsvTrailer, parse: parseCsvRecord },
} as const satisfies Record<ExportFormat, object>;

/**
 * Whether every byte of an export is as the server wrote it, and every event in it is as the log sealed it. The file is
 * read once, in bounded memory; nothing else is asked.
 *
 * @throws NoteError where the public keys or the earlier checkpoint are not what they should be
 */
export async function verifyExport(
  file: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
  options: VerifyExportOptions,
): Promise<ExportVerification> {
  const { workspaceId, keys } = parseAuditKeys(options.publicKeys);
  const checker = new LogChecker(workspaceId);
  if (options.checkpoint !== undefined) checker.expect(await openCheckpoint(options.checkpoint, keys));
  const reader = new ExportReader(workspaceId, checker);
  try {
    for await (const { record, format } of splitRecords(file)) reader.read(record, format);
  } catch (error) {
    if (!(error instanceof ExportFileError)) throw error;
    checker.addMalformed(error.message);
  }
  const checkpoint = await checkTrailer(reader, checker, keys);
  await checker.checkGone(keys);
  const { problems } = checker;
  return {
    valid: problems.count === 0,
    workspaceId,
    treeSize: checkpoint?.treeSize ?? null,
    rootHash: checkpoint ? toBase64(checkpoint.rootHash) : null,
    filter: reader.trailer?.filter ?? null,
    events: checker.events,
    omitted: checker.omitted,
    expiredEvents: checker.expiredEvents,
    expired: checker.expired,
    problems: problems.found,
    problemCount: problems.count,
  };
}

/** Reads the records of a file into a checker, and keeps what comes last. */
class ExportReader {
  readonly digest = new ExportDigest();
  trailer: ExportTrailer | null = null;
  readonly #workspaceId: string;
  readonly #checker: LogChecker;

  constructor(workspaceId: string, checker: LogChecker) {
    this.#workspaceId = workspaceId;
    this.#checker = checker;
  }

  read(record: string, formatName: ExportFormat): void {
    const format = FORMATS[formatName];
    const isHeader = this.digest.records === 0;
    const parsed = isHeader || this.trailer ? null : format.parse(record, this.#workspaceId);
    const spell = () => {
      if (isHeader) return format.header;
      return parsed && "kind" in parsed ? format.formatEntry(parsed) : parsed && format.formatTrailer(parsed);
    };
    if (this.trailer) {
      this.#checker.addMalformed("The file goes on behind its last record");
    } else if (!isSpelledAs(record, spell)) {
      this.digest.add(record);
      const what = isHeader ? "The header" : `The record of place ${this.#checker.next}`;
      this.#checker.addMalformed(`${what} is not as it was written`);
    } else if (parsed && !("kind" in parsed)) {
      this.trailer = parsed;
      this.digest.addTrailer(parsed);
    } else {
      this.digest.add(record);
      if (parsed) this.#checker.add(parsed satisfies ExportEntry);
    }
  }
}

/** The log's state that the file ends with, where it is signed. */
async function checkTrailer(reader: ExportReader, checker: LogChecker, keys: readonly NoteKey[]): Promise<Checkpoint | null> {
  const { trailer, digest } = reader;
  if (!trailer) {
    checker.problems.add("malformed", null, "The file has no last record: it is cut off, or the export broke off");
    return null;
  }
  const fileKeys = keys.map(({ name, publicKey }) => noteKey(exportOrigin(name), publicKey));
  const signed = await open(trailer.signature, fileKeys, checker);
  // Whatever else stood there, no signature would be over it.
  if (signed && splitNote(trailer.signature).signatures.length !== 1) {
    checker.problems.add("signature", null, "The file has other signatures beside the one that it was written with");
  }
  if (signed && (signed.treeSize !== digest.records || !equalBytes(signed.rootHash, digest.hash))) {
    checker.problems.add("signature", null, "The file is not the one that was signed");
  }
  const checkpoint = await open(trailer.checkpoint, keys, checker);
  if (!checkpoint) return null;
  if (checker.next > checkpoint.treeSize) {
    checker.problems.add("unsigned", [checkpoint.treeSize, checker.next - 1], "The file has more entries than were signed");
  }
  checker.expect(checkpoint);
  checker.end(checkpoint.treeSize);
  return checkpoint;
}

async function open(note: string, keys: readonly NoteKey[], checker: LogChecker): Promise<Checkpoint | null> {
  try {
    return await openCheckpoint(note, keys);
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    checker.problems.add("signature", null, error.message);
    return null;
  }
}

function isSpelledAs(record: string, format: () => string | null): boolean {
  try {
    return format() === record;
  } catch {
    return false; // text that has no canonical form
  }
}
