import { LRUCache } from "lru-cache";
import type { Principal } from "../auth/principal.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { SignedKind } from "./boundary.ts";
import type { BoundaryProblem } from "./boundary-problem.ts";

/** The audit trail's and the log's name for a violation. */
export const VIOLATION_ACTION = "isolation.boundary_mismatch";

/** A row that lies in a workspace in which it was not made. */
export interface Violation {
  workspaceId: string;
  target: { kind: SignedKind; id: string };
  reasonCode: BoundaryProblem;
  /** Whose call met it; null where the server's own work did. */
  reader: { principal: Principal; request: { requestId: string; ipAddress: string | null } } | null;
}

/** The violations that this process met. */
export interface Violations {
  /** Counts, logs and has it recorded, once per row and hour; nothing waits for the record, so that reads go on. */
  report(violation: Violation): void;
  /** How many since the process began: the value of parlant_isolation_violations_total. */
  total(): number;
  /** The rows of a workspace that were reported within the hour. */
  suspects(workspaceId: string): string[];
  /** Whether the last record for the workspace could not be written. */
  isRecordMissing(workspaceId: string): boolean;
  /** Resolves once nothing waits to be recorded. */
  settled(): Promise<void>;
  /** Records what still waits, for as long as that takes at most five seconds; what is left is in the log alone. */
  close(): Promise<void>;
}

/** How long the same row is not reported again. */
export const REPORTED_AGAIN_MS = 3_600_000;
const MAX_WORKSPACES = 1_000;
const MAX_ROWS_PER_WORKSPACE = 100;
const MAX_WAITING = 500;
/** How long a server that is being stopped waits for the records. */
const CLOSING_MS = 5_000;

/** Records go out one after the other, because a mass of them must not take the connections of those who call. */
export function createViolations(options: {
  record(violation: Violation): Promise<void>;
  clock: Clock;
  log: Logger;
}): Violations {
  const { record, clock, log } = options;
  const reported = new LRUCache<string, Map<string, number>>({ max: MAX_WORKSPACES });
  const failed = new LRUCache<string, true>({ max: MAX_WORKSPACES });
  let total = 0;
  let waiting = 0;
  let isClosed = false;
  let last: Promise<void> = Promise.resolve();

  const reportedIn = (workspaceId: string): Map<string, number> => {
    const rows = reported.get(workspaceId) ?? new Map<string, number>();
    for (const [id, atMs] of rows) if (atMs + REPORTED_AGAIN_MS <= clock.now()) rows.delete(id);
    reported.set(workspaceId, rows);
    return rows;
  };
  const write = async (violation: Violation, rows: Map<string, number>): Promise<void> => {
    const { workspaceId, target } = violation;
    try {
      if (isClosed) return;
      await record(violation);
      // From when the record is, which other servers find as long as this one remembers it, and no longer.
      rows.set(target.id, clock.now());
      failed.delete(workspaceId);
    } catch (error) {
      failed.set(workspaceId, true);
      rows.delete(target.id); // the next read reports it anew
      const message = error instanceof Error ? error.message : String(error);
      log.error({ workspaceId, targetId: target.id, err: { message } }, "an isolation violation could not be recorded");
    } finally {
      waiting--;
    }
  };
  return {
    report(violation) {
      const { workspaceId, target, reasonCode } = violation;
      const rows = reportedIn(workspaceId);
      if (rows.has(target.id)) return;
      total++;
      if (rows.size >= MAX_ROWS_PER_WORKSPACE || waiting >= MAX_WAITING) return;
      log.error({ workspaceId, [`${target.kind}Id`]: target.id, reasonCode }, VIOLATION_ACTION);
      rows.set(target.id, clock.now());
      waiting++;
      last = last.then(() => write(violation, rows));
    },
    total: () => total,
    suspects: (workspaceId) => [...reportedIn(workspaceId).keys()],
    isRecordMissing: (workspaceId) => failed.has(workspaceId),
    settled: () => last,
    async close() {
      let timer: NodeJS.Timeout | undefined;
      const overdue = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSING_MS);
      });
      await Promise.race([last, overdue]);
      clearTimeout(timer);
      isClosed = true;
    },
  };
}
