import { readFile } from "node:fs/promises";
import type { CommandContext } from "./command.ts";
import { UsageError } from "./exit-codes.ts";

/** The JSON object in the file that --data names, or in standard input where it is "-"; empty without the flag. */
export async function readDataObject({ flags, readInput }: CommandContext): Promise<Record<string, unknown>> {
  const source = flags.text("data");
  if (source === undefined) return {};
  const text = source === "-" ? await readInput() : await readFile(source, "utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError("--data is not valid JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError("--data must be a JSON object");
}
