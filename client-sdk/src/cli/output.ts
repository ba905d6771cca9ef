import { once } from "node:events";
import type { Writable } from "node:stream";
import { harmlessJson } from "./harmless.ts";

/** Where a command writes. What nobody reads any more is not written, and no failure: what it came to is still its own. */
export interface Output {
  isJson: boolean;
  /** Whether what is written goes to a terminal, which acts upon control characters. */
  isTerminal: boolean;
  /** One value: as JSON, or as `text` gives it for people. */
  value(value: unknown, text: () => string): Promise<void>;
  /** What is text already. */
  text(text: string): Promise<void>;
  /** How far long work has come, on stderr, over the last one, where a person may be looking. */
  progress(text: string): void;
  /** What became of it, on stderr. */
  note(text: string): void;
}

const ERASE_LINE = "\r\u001b[K";
const PROGRESS_MS = 100;

export function createOutput(
  stdout: Writable & { isTTY?: boolean },
  stderr: Writable & { isTTY?: boolean },
  { isJson, isQuiet, signal }: { isJson: boolean; isQuiet: boolean; signal: AbortSignal },
): Output {
  let shownAt = Number.NEGATIVE_INFINITY;
  let isShown = false;
  const clear = () => {
    if (isShown) stderr.write(ERASE_LINE);
    isShown = false;
  };
  let isUnread = false;
  stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    isUnread ||= code === "EPIPE";
  });
  const text = async (written: string) => {
    clear();
    // Not faster than it is read: a file that is piped on may be larger than memory.
    if (isUnread || stdout.write(written)) return;
    await once(stdout, "drain", { signal }).catch((error: unknown) => {
      if (!isUnread) throw error;
    });
  };
  return {
    isJson,
    isTerminal: stdout.isTTY === true,
    text,
    value: (value, toText) => text(`${isJson ? harmlessJson(value) : toText()}\n`),
    progress(shown) {
      const now = performance.now();
      if (isQuiet || !stderr.isTTY || now - shownAt < PROGRESS_MS) return;
      stderr.write(ERASE_LINE + shown);
      shownAt = now;
      isShown = true;
    },
    note(told) {
      clear();
      if (!isQuiet) stderr.write(`${told}\n`);
    },
  };
}
