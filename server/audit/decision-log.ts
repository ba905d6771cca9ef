import type { DecisionRow } from "../db/decision-insert.ts";
import { areValuesRefused } from "../db/errors.ts";
import type { Clock } from "../shared/clock.ts";
import { newId } from "../shared/ids.ts";
import type { Logger } from "../shared/logger.ts";
import { auditUnavailable } from "./record.ts";
import type { Spool } from "./spool.ts";
import { createSpooledQueue, type SpooledQueue } from "./spooled-queue.ts";

/** An allowed read, as the ladder knows it. */
export type Decision = Omit<DecisionRow, "id" | "occurredAt" | "outcome">;

/**
 * What happens to reads while their decisions cannot reach the database. "available": they go on, spooled while there is
 * room and counted as lost beyond it. "required": they are refused.
 */
export type ReadPolicy = "available" | "required";

export interface DecisionCounters {
  spooled: number;
  written: number;
  /** Reads answered without a decision in the spool, records that the database refuses, and damaged files, each as one. */
  lost: number;
}

export interface DecisionLog {
  readonly counters: Readonly<DecisionCounters>;
  /** @throws AppError SERVICE_UNAVAILABLE where the policy refuses reads now */
  assertReadable(): void;
  /**
   * The decision outlives this process when this returns.
   *
   * @throws AppError SERVICE_UNAVAILABLE where it cannot be kept and the policy is "required"
   */
  record(decision: Decision): void;
  /** All that was spooled before is in the database. Rejects where it takes nothing; what is spooled stays. */
  flush(): Promise<void>;
  /** What is not written yet: its bytes, and since when at the latest the oldest of it waits. */
  waiting: SpooledQueue["waiting"];
  /** Writes what is left, as far as the database lets it within a few seconds; the rest stays spooled for the next start. */
  close(): Promise<void>;
}

/** Keeps the decision of every allowed read: in the spool before the read is answered, then in the database. */
export function createDecisionLog(options: {
  spool: Spool;
  insert(rows: readonly DecisionRow[]): Promise<void>;
  policy: ReadPolicy;
  clock: Clock;
  log: Logger;
}): DecisionLog {
  const { spool, insert, policy, clock, log } = options;
  let spooled = 0;
  let written = 0;
  const queue = createSpooledQueue<DecisionRow>({
    ...{ spool, what: "decisions", clock, log },
    parse: toRow,
    isFinal: areValuesRefused,
    async write(rows) {
      written += await queue.insert(rows, insert);
    },
  });
  return {
    get counters() {
      return { spooled, written, lost: queue.lost };
    },
    assertReadable() {
      if (policy === "required" && queue.isFailing) {
        queue.schedule();
        throw auditUnavailable(new Error("Decisions cannot be written, and AUDIT_READ_POLICY is required"));
      }
    },
    record(decision) {
      const nowMs = clock.now();
      try {
        queue.append(toRecord(decision, newId(nowMs), nowMs));
        spooled++;
      } catch (error) {
        if (policy === "required") throw auditUnavailable(error);
        queue.lose(error, "audit: the spool takes no more decisions; reads go on without");
      }
    },
    flush: queue.flush,
    waiting: queue.waiting,
    close: queue.close,
  };
}

function toRecord(decision: Decision, id: string, nowMs: number): string {
  const { workspaceId, principalKind, principalId, procedure, agentId, source, requestId, latencyUs } = decision;
  return JSON.stringify([workspaceId, id, nowMs, principalKind, principalId, procedure, agentId, source, requestId, latencyUs]);
}

type Fields = [string, string, number, string, string, string, string | null, DecisionRow["source"], string | null, number];

function toRow(record: string): DecisionRow {
  const fields = JSON.parse(record) as Fields;
  const [workspaceId, id, nowMs, principalKind, principalId, procedure, agentId, source, requestId, latencyUs] = fields;
  const occurredAt = new Date(nowMs);
  return {
    ...{ workspaceId, id, occurredAt, principalKind, principalId, procedure, agentId },
    ...{ outcome: "allow", source, requestId, latencyUs },
  };
}
