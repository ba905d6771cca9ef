import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { EXPORT_FORMAT, EXPORT_VERSION, type ExportedRow, ExportHeader, ExportManifest, parseRowLine } from "./export-format.ts";

/** A file that is no whole export of this format. Its message says what is wrong. */
export class ExportFileError extends Error {
  override name = "ExportFileError";
}

const NEWLINE = 0x0a;
/** A row is of a few hundred kilobytes at most; a line without an end must not fill the memory. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * Every byte of the file is as it was written: it has the header of a version that is known, and its manifest fits.
 * @throws ExportFileError where it is not
 */
export async function verifyExportFile(file: string): Promise<{ header: ExportHeader; manifest: ExportManifest }> {
  const digest = createHash("sha256");
  const counts: Record<string, number> = {};
  let header: ExportHeader | undefined;
  let manifest: ExportManifest | undefined;
  for await (const line of readLines(file)) {
    if (manifest) throw new ExportFileError("There are lines behind the manifest");
    const row = header && parseRowLine(line.toString());
    if (header && !row) manifest = parse(ExportManifest, line, "a row nor the manifest");
    if (manifest) continue;
    if (row) counts[row.table] = (counts[row.table] ?? 0) + 1;
    else header = parseHeader(line);
    digest.update(line).update("\n");
  }
  if (!header || !manifest) throw new ExportFileError("The file has no manifest at its end, so it is not whole");
  if (digest.digest("hex") !== manifest.sha256)
    throw new ExportFileError("The file is damaged: it has another SHA-256 than its manifest");
  for (const [table, count] of Object.entries(manifest.rows)) {
    if ((counts[table] ?? 0) !== count)
      throw new ExportFileError(`The file has ${counts[table] ?? 0} rows of ${table}, its manifest ${count}`);
  }
  return { header, manifest };
}

/** The rows of one table, in their order in the file, so many at a time. */
export async function* readExportRows(file: string, table: string, size: number): AsyncGenerator<ExportedRow[]> {
  let batch: ExportedRow[] = [];
  for await (const line of readLines(file)) {
    const row = parseRowLine(line.toString());
    if (row?.table !== table) continue;
    batch.push(row);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function parseHeader(line: Buffer): ExportHeader {
  const header = parse(ExportHeader, line, `the header of a ${EXPORT_FORMAT}`);
  if (header.version === EXPORT_VERSION) return header;
  throw new ExportFileError(`The file is of version ${header.version}; this release reads version ${EXPORT_VERSION}`);
}

function parse<Value>(schema: { safeParse(value: unknown): { data?: Value } }, line: Buffer, what: string): Value {
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    value = undefined; // told below: a line that is no JSON is none of these
  }
  const { data } = schema.safeParse(value);
  if (data === undefined) throw new ExportFileError(`A line of the file is not ${what}`);
  return data;
}

/** The lines as bytes, so that their hash is that of the file. */
async function* readLines(file: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)]);
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > MAX_LINE_BYTES) throw new ExportFileError(`A line of the file has more than ${MAX_LINE_BYTES} bytes`);
  }
  if (restBytes > 0) throw new ExportFileError("The file's last line has no end, so it is not whole");
}
