import { LRUCache } from "lru-cache";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { type Check, type CheckResult, createCheckRunner, type Status } from "./run-check.ts";

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
}

const WORST_FIRST = ["unhealthy", "degraded", "healthy"] as const satisfies readonly Status[];
const MAX_WORKSPACES = 10_000;

/** Makes every check at once, and no workspace's twice at a time. It reports the present; what is past is a violation's record. */
export function createHealth(options: HealthOptions): (workspaceId: string) => Promise<WorkspaceHealth> {
  const { checks, clock, ttlMs = 2_000 } = options;
  const runCheck = createCheckRunner({ timeoutMs: 2_000, ...options });
  const known = new LRUCache<string, { atMs: number; health: Promise<WorkspaceHealth> }>({ max: MAX_WORKSPACES });
  return (workspaceId) => {
    const remembered = known.get(workspaceId);
    const nowMs = clock.now();
    if (remembered && remembered.atMs + ttlMs > nowMs) return remembered.health;
    const health = Promise.all(checks.map((check) => runCheck(check, workspaceId))).then((results) =>
      judge(results, new Date(nowMs)),
    );
    known.set(workspaceId, { atMs: nowMs, health });
    return health;
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
