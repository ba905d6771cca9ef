import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { NoteError } from "../../audit/signed-note.ts";
import type { AuditExportOptions } from "../../audit-log.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT, UsageError } from "../exit-codes.ts";
import { toPairs } from "../table.ts";
import { verifyFile } from "../verify-file.ts";

const exportLog: Command = {
  usage: "[--format ndjson|csv] [-o | --output <file>] [--action …] [--outcome …] [--from …] [--to …]",
  summary: "The audit log as a file that proves itself, to standard output or to a file that is there only when it is whole",
  flags: { format: "text", output: "text", action: "text", outcome: "text", from: "text", to: "text" },
  takes: { min: 0, max: 0 },
  async run(context) {
    const { flags, settings, output, signal } = context;
    const query: AuditExportOptions = {
      format: flags.choice("format", ["ndjson", "csv"]),
      action: flags.text("action"),
      outcome: flags.choice("outcome", ["success", "denied", "failure"]),
      from: flags.time("from"),
      to: flags.time("to"),
    };
    const path = flags.text("output");
    if (path === undefined && output.isTerminal) {
      throw new UsageError("An export holds what was recorded as it is, control characters too: name a file with -o, or pipe it");
    }
    const pieces = withProgress(context, settings.workspace().audit.export(query, { signal }));
    if (path === undefined) for await (const piece of pieces) await output.text(piece);
    else await writeWhole(path, pieces);
    return undefined;
  },
};

const verify: Command = {
  usage: "[<file> --key <public key>] [--key <older key>] [--checkpoint <file>]",
  summary: "Has the server check the whole log; or checks an exported file here, with nothing but the log's public key",
  flags: { key: "texts", checkpoint: "text" },
  takes: { min: 0, max: 1 },
  async run(context) {
    const { flags, positionals, output, signal } = context;
    const [file] = positionals;
    if (file === undefined) return verifyByServer(context);
    const keys = flags.texts("key");
    if (!keys) throw new UsageError("A file is checked with --key, the log's public key, which was kept apart from the server");
    try {
      const { result, report } = await verifyFile(file, { keys, checkpoint: flags.text("checkpoint"), signal });
      await output.value(result, () => report.join("\n"));
      return result.valid ? EXIT.done : EXIT.failed;
    } catch (error) {
      if (error instanceof NoteError) throw new UsageError(error.message);
      throw error;
    }
  },
};

export const audit = { export: exportLog, verify } satisfies Record<string, Command>;

async function verifyByServer({ flags, settings, output, signal }: CommandContext): Promise<number> {
  if (flags.texts("key") || flags.text("checkpoint")) throw new UsageError("--key and --checkpoint go with a file");
  output.progress("the server is checking the log …");
  const found = await settings.workspace().audit.verify({}, { signal });
  const { valid, checkedEvents, treeSize, unsealedEvents, publicKey, problems } = found;
  await output.value(found, () =>
    toPairs([
      ["log", valid ? "VALID" : "NOT VALID"],
      ["checked events", checkedEvents],
      ["entries", treeSize],
      ["not sealed yet", unsealedEvents],
      ["public key", publicKey],
      ...problems.map(({ kind, message }) => [kind, message] as const),
    ]),
  );
  return valid ? EXIT.done : EXIT.failed;
}

async function* withProgress({ output }: CommandContext, pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += Buffer.byteLength(piece);
    yield piece;
    output.progress(`${bytes.toLocaleString("en")} bytes so far`);
  }
  output.note(`exported ${bytes.toLocaleString("en")} bytes`);
}

/** The file is there under its name when all of it is on the disk; it is its owner's alone to read. */
async function writeWhole(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  let file: FileHandle | undefined;
  try {
    file = await open(partial, "wx", 0o600);
    for await (const piece of pieces) await file.writeFile(piece);
    await file.sync();
    await file.close();
    await rename(partial, path);
  } catch (error) {
    await file?.close().catch(() => {});
    await rm(partial, { force: true });
    throw error;
  }
}
