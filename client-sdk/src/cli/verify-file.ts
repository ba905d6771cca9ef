import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { type ExportVerification, verifyExport } from "../audit/verify-export.ts";
import { harmless } from "./harmless.ts";

/**
 * What an exported file proves by the log's public keys, and the same for people, line by line. `checkpoint` is a file.
 *
 * @throws NoteError where the keys or the checkpoint are not what they should be; what the file system throws, an AbortError
 * by the signal
 */
export async function verifyFile(
  file: string,
  { keys, checkpoint, signal }: { keys: readonly string[]; checkpoint: string | undefined; signal?: AbortSignal },
): Promise<{ result: ExportVerification; report: string[] }> {
  const ending = signal ? { signal } : {};
  const kept = checkpoint === undefined ? undefined : await readFile(checkpoint, { encoding: "utf8", ...ending });
  const result = await verifyExport(read(file, ending), { publicKeys: keys, checkpoint: kept });
  return { result, report: [...problemLines(result), verdict(result)].map(harmless) };
}

function problemLines({ problems, problemCount }: ExportVerification): string[] {
  const lines = problems.map(({ kind, message }) => `${kind}: ${message}`);
  return problemCount > problems.length ? [...lines, `and ${problemCount - problems.length} more`] : lines;
}

function verdict({ valid, workspaceId, events, omitted, filter, expiredEvents, treeSize }: ExportVerification): string {
  const left = omitted > 0 ? `, ${omitted} left out by the filter ${JSON.stringify(filter)}` : "";
  const expired = expiredEvents > 0 ? `, ${expiredEvents} expired and no longer kept` : "";
  const log = `workspace ${workspaceId}: ${events} events${left}${expired}`;
  return valid ? `VALID ${log}; the log has ${treeSize} entries` : `NOT VALID ${log}`;
}

/** The file's bytes; it is opened with the first look at them. */
async function* read(file: string, ending: { signal?: AbortSignal }): AsyncGenerator<Uint8Array> {
  yield* createReadStream(file, ending);
}
