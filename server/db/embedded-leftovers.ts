import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const PROGRAMS = ["postgres", "initdb"];
const POLL_MS = 50;
const FAST_SHUTDOWN_MS = 20_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;

/**
 * No process of PostgreSQL works in the directory any more, and no pid file there blocks the next start.
 * A server that a killed process left behind is shut down in order. It is known by its working directory, never by the
 * number in the pid file alone: that may by now belong to anyone. Call it with the directory's lock held.
 * @throws Error where it does not end.
 */
export async function stopLeftoverServers(dataDirectory: string): Promise<void> {
  if (!existsSync(dataDirectory)) return;
  const ended =
    (await waitUntilGone(dataDirectory, FAST_SHUTDOWN_MS, signalLeaders)) ||
    (await waitUntilGone(dataDirectory, IMMEDIATE_SHUTDOWN_MS, signalAll));
  if (!ended) {
    const pids = findServers(dataDirectory).map(({ pid }) => pid);
    throw new Error(`PostgreSQL of an earlier run does not stop working in ${dataDirectory}: end process ${pids.join(", ")}`);
  }
  await rm(join(dataDirectory, "postmaster.pid"), { force: true });
}

interface ServerProcess {
  pid: number;
  program: string;
}

/** The processes of PostgreSQL that work in the directory. */
export function findServers(dataDirectory: string): ServerProcess[] {
  if (process.platform !== "linux") return findRecordedServer(dataDirectory);
  const directory = statSync(dataDirectory);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const cwd = statSync(`/proc/${name}/cwd`);
        const program = readFileSync(`/proc/${name}/comm`, "utf8").trim();
        const isServer = cwd.ino === directory.ino && cwd.dev === directory.dev && PROGRAMS.includes(program);
        return isServer ? [{ pid: Number(name), program }] : [];
      } catch {
        return [];
      }
    });
}

/** Without /proc: the process that the pid file names, where its command line names the directory. */
function findRecordedServer(dataDirectory: string): ServerProcess[] {
  const pid = recordedPid(dataDirectory);
  try {
    const command = execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });
    return command.includes(dataDirectory) ? [{ pid, program: "postgres" }] : [];
  } catch {
    return [];
  }
}

function recordedPid(dataDirectory: string): number {
  try {
    return Number(readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n")[0]);
  } catch {
    return Number.NaN;
  }
}

/** Fast shutdown. Only the postmaster is told: SIGINT has other meanings to its children, which follow it anyway. */
function signalLeaders(servers: ServerProcess[], dataDirectory: string): void {
  const postmaster = recordedPid(dataDirectory);
  for (const { pid, program } of servers) {
    if (pid === postmaster || program === "initdb") sendSignal(pid, "SIGINT");
  }
}

/** Immediate shutdown: the next start recovers from the write-ahead log. */
function signalAll(servers: ServerProcess[]): void {
  for (const { pid } of servers) sendSignal(pid, "SIGQUIT");
}

async function waitUntilGone(
  dataDirectory: string,
  patienceMs: number,
  signal: (servers: ServerProcess[], dataDirectory: string) => void,
): Promise<boolean> {
  for (let waitedMs = 0; waitedMs <= patienceMs; waitedMs += POLL_MS) {
    const servers = findServers(dataDirectory);
    if (servers.length === 0) return true;
    // Again every second: a postmaster that is only starting has not written its pid file yet.
    if (waitedMs % 1_000 === 0) signal(servers, dataDirectory);
    await delay(POLL_MS);
  }
  return false;
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
