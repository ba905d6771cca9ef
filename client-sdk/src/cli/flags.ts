import { parseArgs } from "node:util";
import { UsageError } from "./exit-codes.ts";

/** A flag that takes a value, one that takes several, and one that takes none. */
export type FlagKind = "text" | "texts" | "switch";

/** Those that every command takes. */
export const COMMON_FLAGS: Readonly<Record<string, FlagKind>> = {
  ...{ url: "text", workspace: "texts", timeout: "text" },
  ...{ json: "switch", quiet: "switch", help: "switch" },
};

/** What a command was given, each value read as what it has to be. */
export interface Flags {
  is(name: string): boolean;
  text(name: string): string | undefined;
  texts(name: string): string[] | undefined;
  /** @throws UsageError where it is no whole number within the bounds */
  integer(name: string, bounds: { min: number; max: number }): number | undefined;
  /** ISO 8601. @throws UsageError where it is no time */
  time(name: string): string | undefined;
  /** @throws UsageError where it is no number */
  number(name: string): number | undefined;
  /** @throws UsageError where it is none of these */
  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined;
}

/** @throws UsageError where there is a flag that is not known, or one lacks its value */
export function parseFlags(
  args: readonly string[],
  kinds: Readonly<Record<string, FlagKind>>,
): { flags: Flags; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [
      name,
      { type: kind === "switch" ? ("boolean" as const) : ("string" as const), multiple: kind === "texts", ...SHORT[name] },
    ]),
  );
  const { values, positionals } = parse(args, options);
  const given = (name: string) => values[name];
  const text = (name: string) => {
    const value = given(name);
    return typeof value === "string" ? value : undefined;
  };
  const flags: Flags = {
    is: (name) => given(name) === true,
    text,
    texts(name) {
      const value = given(name);
      return Array.isArray(value) ? value.map(String) : undefined;
    },
    integer(name, { min, max }) {
      const value = text(name);
      if (value === undefined) return undefined;
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      throw new UsageError(`--${name} must be a whole number from ${min} to ${max}`);
    },
    time(name) {
      const value = text(name);
      if (value === undefined) return undefined;
      const date = new Date(value);
      if (Number.isNaN(date.getTime())) throw new UsageError(`--${name} must be a time such as 2026-01-31T12:00:00Z`);
      return date.toISOString();
    },
    number(name) {
      const value = text(name);
      if (value === undefined) return undefined;
      if (value.trim() === "" || !Number.isFinite(Number(value))) throw new UsageError(`--${name} must be a number`);
      return Number(value);
    },
    choice(name, choices) {
      const value = text(name);
      if (value === undefined) return undefined;
      const chosen = choices.find((choice) => choice === value);
      if (chosen === undefined) throw new UsageError(`--${name} must be one of ${choices.join(", ")}`);
      return chosen;
    },
  };
  return { flags, positionals };
}

const SHORT: Readonly<Record<string, { short: string }>> = {
  workspace: { short: "w" },
  follow: { short: "f" },
  lines: { short: "n" },
  output: { short: "o" },
  help: { short: "h" },
};

type ParsedOptions = Record<string, { type: "boolean" | "string"; multiple: boolean; short?: string }>;

function parse(args: readonly string[], options: ParsedOptions) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    // Without the value: it may be a secret in the wrong place.
    const message = error instanceof Error ? error.message.split(/[.\n]/, 1).join("") : "The arguments cannot be read";
    throw new UsageError(message);
  }
}
