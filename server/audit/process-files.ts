import { statSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { isRunning, startTimeOf } from "../db/process-identity.ts";

/** host.pid.start.number: a name for what one process alone writes. */
const OWNER = /^(.+)\.(\d+)\.([0-9A-Za-z-]+)\.(\d+)$/;
/** A sign of life of a process that another machine or container cannot see, and the silence after which it is dead. */
const HEARTBEAT_MS = 60_000;
const SILENCE_MS = 10 * HEARTBEAT_MS;

let named = 0;

/** A name that no other process has, nor this one a second time. */
export function nameOfOwn(): string {
  return `${hostname()}.${process.pid}.${startTimeOf(process.pid) ?? "0"}.${named++}`;
}

/** Whether what has such a name at `path` belongs to a process that is dead. */
export function isOrphaned(path: string, name: string): boolean {
  const [, host, pid, startedAt] = OWNER.exec(name) ?? [];
  if (host === undefined || pid === undefined || startedAt === undefined) return false;
  if (host === hostname()) return !isRunning({ pid: Number(pid), startedAt });
  return Date.now() - ifThere(() => statSync(path).mtimeMs, Number.POSITIVE_INFINITY) > SILENCE_MS;
}

/** Tells other machines, until it is stopped, that what is at `path` is still being written to. */
export function startHeartbeat(path: string): { stop(): void } {
  const timer = setInterval(() => touch(path), HEARTBEAT_MS).unref();
  return { stop: () => clearInterval(timer) };
}

/** What `read` returns, or `otherwise` where the file is not there. @throws any other error of the file system */
export function ifThere<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return otherwise;
    throw error;
  }
}

function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // It is gone or not ours any more; whoever writes to it next finds that out.
  }
}
