import type { FlagKind, Flags } from "./flags.ts";
import type { Output } from "./output.ts";
import type { Settings } from "./settings.ts";

/** What a command works with. */
export interface CommandContext {
  flags: Flags;
  positionals: readonly string[];
  settings: Settings;
  output: Output;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  /** All of standard input. */
  readInput(): Promise<string>;
}

/** One command: how it is written, what it takes, and what it does. */
export interface Command {
  /** Behind its name. */
  usage: string;
  summary: string;
  flags?: Readonly<Record<string, FlagKind>>;
  /** How many positional arguments; one unless given. */
  takes?: { min: number; max: number };
  /** Resolves to the exit code, 0 unless given. */
  run(context: CommandContext): Promise<number | undefined>;
}
