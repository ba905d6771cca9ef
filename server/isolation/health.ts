import { LRUCache } from "lru-cache";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { type Check, type CheckResult, createCheckRunner, type Status } from "./run-check.ts";
import { createTurns } from "./turns.ts";

/** How well a workspace is isolated at this moment. */
export interface WorkspaceHealth {
  status: Status;
  checks: CheckResult[];
  /** Why it is not healthy, worst first; each begins with the check's name. */
  reasons: string[];
  lastViolationAt: Date | null;
  checkedAt: Date;
}

/** What the server can say of a workspace's isolation. */
export interface IsolationFacts {
  health(workspaceId: string): Promise<WorkspaceHealth>;
  /** Whether Sim lets personal API keys into the workspace. */
  allowsPersonalApiKeys(workspaceId: string): Promise<boolean>;
}

export interface HealthOptions {
  checks: readonly Check[];
  clock: Clock;
  log: Logger;
  /** How long one check may take. */
  timeoutMs?: number;
  /** How long an answer stands: what is asked more often is not looked at more often. */
  ttlMs?: number;
  /** How many workspaces are looked at at a time, because each look is some twenty statements on the callers' connections. */
  workspacesAtATime?: number;
  /** How long a workspace may wait for its turn. */
  waitMs?: number;
}

const WORST_FIRST = ["unhealthy", "degraded", "healthy"] as const satisfies readonly Status[];
const MAX_WORKSPACES = 10_000;

/**
 * Makes every check of a workspace at once, and no workspace's twice at a time. It reports the present; what is past is a
 * violation's record. A workspace that has waited too long for its turn is degraded, because nothing was looked at.
 */
export function createHealth(options: HealthOptions): (workspaceId: string) => Promise<WorkspaceHealth> {
  const { checks, clock, ttlMs = 2_000, workspacesAtATime = 2, waitMs = 2_000 } = options;
  const runCheck = createCheckRunner({ timeoutMs: 2_000, ...options });
  const turns = createTurns({ atATime: workspacesAtATime, waitMs });
  const known = new LRUCache<string, { endsAtMs: number; health: Promise<WorkspaceHealth> }>({ max: MAX_WORKSPACES });

  const look = async (workspaceId: string): Promise<WorkspaceHealth> => {
    const askedAtMs = clock.now();
    const endTurn = await turns.take(workspaceId);
    const startMs = clock.now();
    if (!endTurn) {
      const message = `The check was not begun: the server was busy with others for ${waitMs} ms`;
      const notBegun = { status: "degraded" as const, message, evidence: { waitMs }, checkedAt: new Date(startMs) };
      const results = checks.map(({ name }) => ({ ...notBegun, name, durationMs: startMs - askedAtMs }));
      return judge(results, new Date(startMs));
    }
    const begun = checks.map((check) => runCheck(check, workspaceId));
    // Not at the results: what is overdue still makes its statements.
    Promise.allSettled(begun.map(({ ended }) => ended)).then(endTurn);
    return judge(await Promise.all(begun.map(({ result }) => result)), new Date(startMs));
  };

  return (workspaceId) => {
    const remembered = known.get(workspaceId);
    if (remembered && remembered.endsAtMs > clock.now()) return remembered.health;
    const entry = { endsAtMs: Number.POSITIVE_INFINITY, health: look(workspaceId) };
    const end = (checkedAtMs: number) => {
      entry.endsAtMs = checkedAtMs + ttlMs;
    };
    entry.health.then(
      ({ checkedAt }) => end(checkedAt.getTime()),
      () => end(clock.now() - ttlMs),
    );
    known.set(workspaceId, entry);
    return entry.health;
  };
}

function judge(checks: CheckResult[], checkedAt: Date): WorkspaceHealth {
  const status = WORST_FIRST.find((one) => checks.some((check) => check.status === one)) ?? "healthy";
  const reasons = WORST_FIRST.filter((one) => one !== "healthy").flatMap((one) =>
    checks.filter((check) => check.status === one).map(({ name, message }) => `${name}: ${message}`),
  );
  const lastViolationAt = checks.find((check) => check.lastViolationAt)?.lastViolationAt ?? null;
  return { status, checks, reasons, lastViolationAt, checkedAt };
}
