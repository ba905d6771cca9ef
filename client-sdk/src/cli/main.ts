import { readFileSync } from "node:fs";
import { addAbortSignal } from "node:stream";
import { text } from "node:stream/consumers";
import { SimParlantError } from "../errors.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT, exitOf, UsageError } from "./exit-codes.ts";
import { COMMON_FLAGS, parseFlags } from "./flags.ts";
import { harmless, harmlessJson } from "./harmless.ts";
import { createOutput } from "./output.ts";
import { readSettings } from "./settings.ts";
import { usageOf } from "./usage.ts";

/** Runs the command that the process was started with; its exit code is set when this resolves. */
export async function main(): Promise<void> {
  const stopping = new AbortController();
  /** The exit code of what ended it from outside, where that came before the command's own. */
  let stoppedWith: number | undefined;
  const stop = (code: number) => {
    stoppedWith ??= code;
    stopping.abort();
  };
  for (const [name, code] of [
    ["SIGINT", EXIT.interrupted],
    ["SIGTERM", EXIT.terminated],
  ] as const) {
    process.on(name, () => {
      // The second time at once, whatever the first one waits for.
      if (stopping.signal.aborted) process.exit(code);
      stop(code);
    });
  }
  // Who reads has seen enough, as head has: there is nobody to go on for. What the command came to already stands.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") stop(EXIT.done);
    else process.exit(EXIT.failed);
  });
  // Nobody to tell is no reason to stop.
  process.stderr.on("error", () => undefined);
  const args = process.argv.slice(2);
  try {
    process.exitCode = await run(args, stopping.signal);
  } catch (error) {
    if (stoppedWith === undefined) tell(error, args.includes("--json"));
    process.exitCode = stoppedWith ?? codeOf(error);
  }
  // Handles of a call that was given up, such as a stream's, keep nobody waiting.
  if (stoppedWith !== undefined) process.exit();
}

async function run(args: readonly string[], signal: AbortSignal): Promise<number> {
  if (args.length === 0 || ["help", "--help", "-h"].includes(args[0] ?? "")) {
    process.stdout.write(`${usageOf(COMMANDS)}\n`);
    return args.length === 0 ? EXIT.usage : EXIT.done;
  }
  if (args[0] === "--version") {
    process.stdout.write(`${versionOf()}\n`);
    return EXIT.done;
  }
  const { name, command, rest } = commandOf(args);
  const { flags, positionals } = parseFlags(rest, { ...COMMON_FLAGS, ...command.flags });
  if (flags.is("help")) {
    process.stdout.write(`${usageOf(COMMANDS, name)}\n`);
    return EXIT.done;
  }
  const { min, max } = command.takes ?? { min: 1, max: 1 };
  if (positionals.length < min || positionals.length > max)
    throw new UsageError(`Usage: parlant-client ${name} ${command.usage}`);
  const output = createOutput(process.stdout, process.stderr, { isJson: flags.is("json"), isQuiet: flags.is("quiet"), signal });
  const settings = readSettings(flags, process.env);
  const code = await command.run({
    flags,
    positionals,
    settings,
    output,
    signal,
    readInput: () => text(addAbortSignal(signal, process.stdin)),
  });
  return code ?? EXIT.done;
}

/** @throws UsageError where there is no such command */
function commandOf(args: readonly string[]): { name: string; command: Command; rest: readonly string[] } {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(" ");
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command) return { name, command, rest: args.slice(words) };
  }
  const [group = ""] = args;
  const isGroup = Object.keys(COMMANDS).some((name) => name.startsWith(`${group} `));
  throw new UsageError(isGroup ? usageOf(COMMANDS, group) : `Unknown command; parlant-client --help lists them`);
}

function codeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  return SimParlantError.is(error) ? exitOf(error.code) : EXIT.failed;
}

/** Why it failed, on standard error; what a server said may have anything in it. */
function tell(error: unknown, isJson: boolean): void {
  const message = error instanceof Error ? error.message : String(error);
  if (isJson) {
    const facts = SimParlantError.is(error) ? error.toJSON() : { message };
    process.stderr.write(`${harmlessJson({ error: facts })}\n`);
    return;
  }
  const lines = error instanceof UsageError ? message.split("\n").map(harmless) : [harmless(message)];
  process.stderr.write(`parlant-client: ${lines.join("\n")}\n`);
  if (!SimParlantError.is(error)) return;
  for (const { path, message: problem } of error.details?.issues ?? []) {
    process.stderr.write(`  ${harmless([...path, problem].join(": "))}\n`);
  }
  process.stderr.write(`  ${error.code}${error.requestId === undefined ? "" : `, request ${harmless(error.requestId)}`}\n`);
}

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  return version;
}
