import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process as its kernel knows it: the start time tells it from a later process with the same id. */
export interface ProcessIdentity {
  pid: number;
  startedAt: string;
}

/** Whether this very process still runs. */
export function isRunning({ pid, startedAt }: ProcessIdentity): boolean {
  return startTimeOf(pid) === startedAt;
}

/** When a process started, as a word; undefined once it has ended, a zombie included. */
export function startTimeOf(pid: number): string | undefined {
  try {
    if (process.platform !== "linux") {
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" })
        .trim()
        .replaceAll(/[^0-9A-Za-z]+/g, "-");
    }
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the program's name in brackets, may itself hold spaces and brackets.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8)}-${fields[18]}`;
  } catch {
    return undefined;
  }
}
