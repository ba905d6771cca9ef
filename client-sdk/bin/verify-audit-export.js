#!/usr/bin/env node
import { parseArgs } from "node:util";
import { NoteError } from "../dist/audit/index.js";
import { verifyFile } from "../dist/cli/verify-file.js";

const USAGE = `Usage: verify-audit-export.js <file> --key <public key> [--key <older key>] [--checkpoint <file>]

Says whether an export of an audit trail is as the server wrote it and as the log sealed it. It needs nothing but the file
and the log's public key, which audit.verify gives; keep the key, and a checkpoint now and then, apart from the server.
With --checkpoint, a file with a checkpoint of earlier, it also says whether the log was cut back or rewritten since.

Exit code: 0 valid, 1 not valid, 2 used wrongly.`;

const EXIT_INVALID = 1;
const EXIT_USAGE = 2;

try {
  process.exitCode = (await run(process.argv.slice(2))) ? 0 : EXIT_INVALID;
} catch (error) {
  console.error(error instanceof NoteError || error.code ? error.message : error);
  process.exitCode = EXIT_USAGE;
}

async function run(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      key: { type: "string", multiple: true },
      checkpoint: { type: "string" },
      help: { type: "boolean" },
    },
  });
  const [file, ...others] = positionals;
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  if (!file || others.length > 0 || !values.key) throw new NoteError(USAGE);
  const { result, report } = await verifyFile(file, { keys: values.key, checkpoint: values.checkpoint });
  for (const line of report) console.log(line);
  return result.valid;
}
