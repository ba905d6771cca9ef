import type { DecisionRow } from "../db/decision-insert.ts";
import { areValuesRefused } from "../db/errors.ts";
import type { Clock } from "../shared/clock.ts";
import { newId } from "../shared/ids.ts";
import type { Logger } from "../shared/logger.ts";
import { auditUnavailable } from "./record.ts";
import type { Spool } from "./spool.ts";

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
  /** Writes what is left, as far as the database lets it within a few seconds; the rest stays spooled for the next start. */
  close(): Promise<void>;
}

const FLUSH_MS = 250;
const MAX_RETRY_MS = 10_000;
const ROWS_PER_INSERT = 500;
const CLOSE_MS = 5_000;
const COMPLAIN_EVERY_MS = 10_000;
/** A process that serves on must not leave the decisions of one that died beside it until the next start. */
const ADOPT_EVERY_MS = 60_000;
/** Of these the file is not the cause. */
const PASSING = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EINTR"]);

/**
 * Keeps the decision of every allowed read: in the spool before the read is answered, then batch by batch in the
 * database. A batch may be written twice, since a process may die before it removes what it has written: ids make that
 * once.
 */
export function createDecisionLog(options: {
  spool: Spool;
  insert(rows: readonly DecisionRow[]): Promise<void>;
  policy: ReadPolicy;
  clock: Clock;
  log: Logger;
}): DecisionLog {
  const { spool, insert, policy, clock, log } = options;
  const counters: DecisionCounters = { spooled: 0, written: 0, lost: 0 };
  let failures = 0;
  let isSpoolFailing = false;
  let complainedAtMs = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  function schedule(): void {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        flush().catch(() => schedule());
      },
      Math.min(FLUSH_MS * 2 ** failures, MAX_RETRY_MS),
    ).unref();
  }

  function complain(error: unknown, message: string): void {
    if (clock.now() - complainedAtMs < COMPLAIN_EVERY_MS) return;
    complainedAtMs = clock.now();
    log.error({ lost: counters.lost, waitingBytes: spool.size(), err: { message: messageOf(error) } }, message);
  }

  function flush(): Promise<void> {
    running = running.catch(() => {}).then(flushOnce);
    return running;
  }

  async function flushOnce(): Promise<void> {
    try {
      for (const file of spool.takeFiles()) await flushFile(file);
      failures = 0;
      isSpoolFailing = false;
    } catch (error) {
      failures++;
      complain(error, "audit: decisions cannot be written at the moment; they stay spooled");
      throw error;
    }
  }

  /** Writes what can be read of a file: what is wrong with one holds up no other. Rejects where the database takes nothing. */
  async function flushFile(file: string): Promise<void> {
    const { rows, problem } = readRows(file);
    for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) await write(rows.slice(start, start + ROWS_PER_INSERT));
    try {
      if (problem === null) return spool.remove(file);
      counters.lost++;
      log.error({ file, lost: counters.lost, ...problem }, "audit: a spool file is damaged; what cannot be read is lost");
      spool.setAside(file);
    } catch (error) {
      log.error({ file, err: { message: messageOf(error) } }, "audit: a spool file can be neither removed nor renamed");
    }
  }

  /** @throws the file system's error where it is for want of something that comes again */
  function readRows(file: string): { rows: DecisionRow[]; problem: object | null } {
    const rows: DecisionRow[] = [];
    try {
      const { records, damagedBytes } = spool.read(file);
      for (const record of records) rows.push(toRow(record));
      return { rows, problem: damagedBytes === 0 ? null : { damagedBytes } };
    } catch (error) {
      if (PASSING.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      return { rows, problem: { err: { message: messageOf(error) } } };
    }
  }

  /** Writes rows; one that PostgreSQL will never take is set aside, so that it does not hold up those behind it. */
  async function write(rows: readonly DecisionRow[]): Promise<void> {
    if (rows.length === 0) return;
    try {
      await insert(rows);
      counters.written += rows.length;
    } catch (error) {
      if (!areValuesRefused(error)) throw error;
      if (rows.length === 1) return lose(1, error, "audit: a decision is of a form that the database refuses");
      const half = Math.ceil(rows.length / 2);
      await write(rows.slice(0, half));
      await write(rows.slice(half));
    }
  }

  function lose(count: number, error: unknown, message: string): void {
    counters.lost += count;
    complain(error, message);
  }

  function adopt(): void {
    try {
      spool.adoptOrphans();
    } catch (error) {
      complain(error, "audit: what other processes left in the spool cannot be looked for");
    }
    if (spool.size() > 0) schedule();
  }

  if (spool.size() > 0) schedule();
  const adopting = setInterval(adopt, ADOPT_EVERY_MS).unref();
  return {
    counters,
    assertReadable() {
      if (policy === "required" && (failures > 0 || isSpoolFailing)) {
        schedule();
        throw auditUnavailable(new Error("Decisions cannot be written, and AUDIT_READ_POLICY is required"));
      }
    },
    record(decision) {
      const nowMs = clock.now();
      try {
        spool.append(toRecord(decision, newId(nowMs), nowMs));
        counters.spooled++;
      } catch (error) {
        isSpoolFailing = true;
        schedule();
        if (policy === "required") throw auditUnavailable(error);
        lose(1, error, "audit: the spool takes no more decisions; reads go on without");
      }
      schedule();
    },
    flush,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      clearInterval(adopting);
      const deadline = Promise.withResolvers<void>();
      const overdue = setTimeout(deadline.resolve, CLOSE_MS);
      await Promise.race([
        flush()
          .catch(() => flush())
          .catch(() => {}),
        deadline.promise,
      ]);
      clearTimeout(overdue);
      if (spool.size() > 0) log.warn({ waitingBytes: spool.size() }, "audit: decisions stay spooled for the next start");
      spool.close();
    },
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
