import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isRunning, type ProcessIdentity, startTimeOf } from "./process-identity.ts";

const LOCK_FILE = /^server\.(\d+)\.([0-9A-Za-z-]+)\.lock$/;
const HELD = "held";
/** How long processes that come at once draw lots, and the longest pause between two draws. */
const CONTENTION_MS = 30_000;
const MAX_PAUSE_MS = 1_000;

interface Contender extends ProcessIdentity {
  /** It holds the directory; otherwise it may be about to step back. */
  isHolder: boolean;
}

/** Holding the directory; release() lets the next process have it. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * The directory belongs to this process alone until release() or the process's end, however it ends.
 * Each process puts up a file of its own name and then looks for others: of two that come at once, the later one sees
 * the earlier, so both never hold it; a file whose process is gone is removed by whoever finds it, and as names are
 * never used twice, nobody can remove a living one by mistake. Whoever sees nobody else writes into its file that it
 * holds the directory, so that a holder is told at once from others that are only trying.
 * @throws Error naming the process that holds the directory.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const ownName = `server.${process.pid}.${startTimeOf(process.pid)}.lock`;
  const own = join(directory, ownName);
  const deadline = performance.now() + CONTENTION_MS;
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    await writeFile(own, "", { flag: "wx", mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
      throw error.code === "EEXIST" ? inUse(directory, process.pid) : error;
    });
    const other = await findContender(directory, ownName);
    if (other === undefined) {
      await writeFile(own, HELD);
      return { release: () => rm(own, { force: true }) };
    }
    await rm(own, { force: true });
    if (other.isHolder || performance.now() > deadline) throw inUse(directory, other.pid);
    // Two that start at once may each see the other and both step back: the pauses differ until one is alone.
    await delay(pauseMs * (0.2 + Math.random()));
  }
}

/** A living process that is after the directory: its holder if it has one. */
async function findContender(directory: string, ownName: string): Promise<Contender | undefined> {
  let found: Contender | undefined;
  for (const name of await readdir(directory)) {
    const [, pid, startedAt] = LOCK_FILE.exec(name) ?? [];
    if (pid === undefined || startedAt === undefined || name === ownName) continue;
    const process = { pid: Number(pid), startedAt };
    if (!isRunning(process)) await rm(join(directory, name), { force: true });
    else if (!found?.isHolder) found = { ...process, isHolder: await isHeld(join(directory, name)) };
  }
  return found;
}

/** Whether a file says so; one that is gone by now was of a process that stepped back. */
async function isHeld(file: string): Promise<boolean> {
  return (await readFile(file, "utf8").catch(() => "")) === HELD;
}

function inUse(directory: string, pid: number): Error {
  return new Error(
    `The data directory ${directory} is in use by process ${pid}: stop that server, or give this one another directory`,
  );
}
