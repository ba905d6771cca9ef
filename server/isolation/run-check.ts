import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";

export type Status = "healthy" | "degraded" | "unhealthy";
export type Evidence = Record<string, string | number | boolean | null>;

/** What a check found. */
export interface Verdict {
  status: Status;
  /** One sentence, for whoever is in the workspace: it counts no rows, because some may be hidden from the reader. */
  message: string;
  evidence: Evidence;
  /** Evidence for the workspace's admins alone: numbers and ids of rows. */
  adminEvidence?: Evidence;
  remedy?: string;
  lastViolationAt?: Date | null;
}

/** One thing that isolation rests on, and how it is looked at. */
export interface Check {
  name: string;
  run(workspaceId: string): Promise<Verdict>;
}

export interface CheckResult extends Verdict {
  name: string;
  checkedAt: Date;
  durationMs: number;
}

/** A check under way. */
export interface BegunCheck {
  /** What it found within its time, or that it found nothing. */
  result: Promise<CheckResult>;
  /** Resolves once it makes no more statements, which may be later. */
  ended: Promise<unknown>;
}

/**
 * Runs a check within its time. One that takes longer, or fails, says nothing of what it looks at, which is degraded; as
 * long as it has not ended it is not begun again for that workspace.
 */
export function createCheckRunner({ clock, log, timeoutMs }: { clock: Clock; log: Logger; timeoutMs: number }) {
  const running = new Map<string, Promise<Verdict>>();

  const begin = (check: Check, workspaceId: string): Promise<Verdict> => {
    const key = JSON.stringify([check.name, workspaceId]);
    const earlier = running.get(key);
    if (earlier) return earlier;
    const verdict = check.run(workspaceId).catch((error: unknown): Verdict => {
      const message = error instanceof Error ? error.message : String(error);
      log.error({ workspaceId, check: check.name, err: { message } }, "an isolation check could not be made");
      return { status: "degraded", message: "The check could not be made; the server's log says why", evidence: {} };
    });
    running.set(key, verdict);
    verdict.finally(() => running.delete(key));
    return verdict;
  };

  return (check: Check, workspaceId: string): BegunCheck => {
    const startMs = clock.now();
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<Verdict>((resolve) => {
      const message = `The check did not end within ${timeoutMs} ms`;
      timer = setTimeout(() => resolve({ status: "degraded", message, evidence: { timeoutMs } }), timeoutMs);
    });
    const ended = begin(check, workspaceId);
    const result = Promise.race([ended, overdue]).then((verdict) => {
      clearTimeout(timer);
      return { ...verdict, name: check.name, checkedAt: new Date(startMs), durationMs: clock.now() - startMs };
    });
    return { result, ended };
  };
}
