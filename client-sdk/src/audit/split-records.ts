import type { ExportFormat } from "./export-entries.ts";

const MAX_RECORD_LENGTH = 8_000_000;

/** A file that is no export, or is cut off within a record. */
export class ExportFileError extends Error {
  override name = "ExportFileError";
}

/**
 * The records of an export, each with the end of its line, and the format that the first one shows.
 *
 * @throws ExportFileError where the bytes are no UTF-8, a record is absurdly long, or the last one has no end
 */
export async function* splitRecords(
  chunks: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
): AsyncGenerator<{ record: string; format: ExportFormat }> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let format: ExportFormat | undefined;
  let text = "";
  let scanned = 0;
  let isQuoted = false;
  for await (const chunk of chunks) {
    text += typeof chunk === "string" ? chunk : decode(decoder, chunk);
    format ??= text === "" ? undefined : text.startsWith("{") ? "ndjson" : "csv";
    let start = 0;
    for (let index = scanned; index < text.length; index++) {
      const character = text[index];
      if (character === '"' && format === "csv") isQuoted = !isQuoted;
      if (character !== "\n" || isQuoted) continue;
      yield { record: text.slice(start, index + 1), format: format ?? "csv" };
      start = index + 1;
    }
    text = text.slice(start);
    scanned = text.length;
    if (text.length > MAX_RECORD_LENGTH) throw new ExportFileError(`A record is longer than ${MAX_RECORD_LENGTH} characters`);
  }
  decode(decoder);
  if (text !== "") throw new ExportFileError("The file is cut off: its last record has no end");
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk?: Uint8Array): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch {
    throw new ExportFileError("The file is not UTF-8");
  }
}
