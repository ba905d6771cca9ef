import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

export interface SpawnOptions {
  /** Where the project lies; here, unless given. */
  project?: string;
  node?: string;
  account?: { uid: number; gid: number };
}

/** A server that answers requests, in a process of its own. */
export interface ServerProcess {
  pid: number;
  /** Where it says that it answers. */
  url: string;
  /** What it has printed to standard output, line by line. */
  lines: string[];
  /** Sends the signal; resolves to how the process ended. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null; output: string }>;
}

/** How a server that was to start ended instead, with all that it printed. */
export class StartFailure extends Error {
  override name = "StartFailure";
  readonly code: number | null;
  constructor(code: number | null, output: string) {
    super(output);
    this.code = code;
  }
}

/**
 * Runs what `npm start` runs, on a free port, with the variables given and none of this process's own.
 * @throws StartFailure where it ends before it answers
 */
export async function startProcess(variables: Record<string, string>, options: SpawnOptions = {}): Promise<ServerProcess> {
  const child = spawn(options.node ?? process.execPath, [join(options.project ?? PROJECT, "server", "main.ts")], {
    ...options.account,
    cwd: options.project ?? "/",
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], PORT: "0", ...variables },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: string[] = [];
  const errors: string[] = [];
  const ended = once(child, "close");
  const ready = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      const url = /^Sim Parlant server: (.+)$/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  });
  const output = () => [...lines, ...errors].join("\n");
  const outcome = await Promise.race([ready, ended.then(([code]) => new StartFailure(code, output()))]);
  if (typeof outcome !== "string" || child.pid === undefined) throw outcome;
  return {
    pid: child.pid,
    url: outcome,
    lines,
    async end(signal) {
      child.kill(signal);
      const [code, endedBy] = await ended;
      return { code, signal: endedBy, output: output() };
    },
  };
}
