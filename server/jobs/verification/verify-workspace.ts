import { verifyLog } from "../../audit/verify-log.ts";
import { LOWEST_ID } from "../../db/audit-log.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { WorkspaceDb } from "../../db/workspace-db.ts";
import type { SignedKind } from "../../isolation/boundary.ts";
import { judgeRows, type RowAccess, readSignedRows, violationOf } from "../../isolation/signed-rows.ts";
import {
  keepVerification,
  MAX_PROBLEMS,
  PHASES,
  readVerification,
  sessionProblem,
  type VerificationProblem,
  type VerificationState,
} from "../../isolation/verification.ts";
import type { Violations } from "../../isolation/violations.ts";
import type { AuditLogSeal } from "../../permissions/workspace-context.ts";
import type { Clock } from "../../shared/clock.ts";

export interface VerifyOptions extends RowAccess {
  violations: Pick<Violations, "report">;
  auditLogSeal: Pick<AuditLogSeal, "keys" | "known" | "walk">;
  clock: Clock;
  /** Rows that are read in one statement. */
  batchSize?: number;
}

type Current = NonNullable<VerificationState["current"]>;
interface Found {
  rows: number;
  problems: readonly VerificationProblem[];
  problemCount: number;
  /** Where the phase goes on; null where it is done. */
  next: string | null;
}

/** Somewhat less than a day, so that the hour in which a workspace has its turn does not wander. */
const DUE_AFTER_MS = 23 * 3_600_000;

/**
 * Goes through all that a workspace has, a batch at a time, and keeps how far it is after each: one that is ended begins
 * there again. Resolves to how many problems there are once all of it is verified; null where it was not due, is gone, or
 * the signal ended it.
 */
export async function verifyWorkspace(options: VerifyOptions, workspaceId: string, signal: AbortSignal): Promise<number | null> {
  const { openWorkspace, clock } = options;
  const db = openWorkspace(systemBinding(workspaceId, "isolation.verify"));
  const state = await readVerification(db);
  if (!state) return null;
  let { current } = state;
  if (!current) {
    if (state.last && Date.parse(state.last.startedAt) + DUE_AFTER_MS > clock.now()) return null;
    const startedAt = new Date(clock.now()).toISOString();
    current = { startedAt, rows: 0, problemCount: 0, problems: [], phase: PHASES[0], afterId: null };
  }
  while (!signal.aborted) {
    const found = await verifyBatch(options, db, workspaceId, current);
    const { phase, afterId, ...tally } = added(current, found);
    const nextPhase = found.next === null ? PHASES[PHASES.indexOf(phase) + 1] : phase;
    if (nextPhase === undefined) {
      const last = { ...tally, finishedAt: new Date(clock.now()).toISOString() };
      return (await keepVerification(db, { last, current: null })) ? tally.problemCount : null;
    }
    current = { ...tally, phase: nextPhase, afterId };
    if (!(await keepVerification(db, { last: state.last, current }))) return null;
  }
  return null;
}

function added(current: Current, { rows, problems, problemCount, next }: Found): Current {
  return {
    ...current,
    afterId: next,
    rows: current.rows + rows,
    problemCount: current.problemCount + problemCount,
    problems: [...current.problems, ...problems].slice(0, MAX_PROBLEMS),
  };
}

function verifyBatch(options: VerifyOptions, db: WorkspaceDb, workspaceId: string, { phase, afterId }: Current): Promise<Found> {
  switch (phase) {
    case "agent":
    case "session":
      return verifyBoundaries(options, workspaceId, phase, afterId);
    case "events":
      return verifyEvents(db, afterId, options.batchSize ?? 100);
    case "audit":
      return verifyAudit(options, db, workspaceId);
  }
}

async function verifyBoundaries(
  options: VerifyOptions,
  workspaceId: string,
  kind: SignedKind,
  afterId: string | null,
): Promise<Found> {
  const take = options.batchSize ?? 500;
  const where = afterId === null ? {} : { id: { gt: afterId } };
  const { rows, bad } = await judgeRows(options, { workspaceId, purpose: "isolation.verify" }, (db) =>
    readSignedRows(db, kind, { where, order: "asc", take }),
  );
  for (const one of bad) options.violations.report(violationOf(workspaceId, one));
  const problems = bad.map(
    ({ id, reasonCode }): VerificationProblem => ({ kind: "boundary", id, message: `${kind}: ${reasonCode}` }),
  );
  return {
    rows: rows.length,
    problems,
    problemCount: problems.length,
    next: rows.length === take ? (rows.at(-1)?.id ?? null) : null,
  };
}

async function verifyEvents(db: WorkspaceDb, afterId: string | null, take: number): Promise<Found> {
  const sessions = await db.sessionCounts({ afterId: afterId ?? LOWEST_ID, take });
  const problems = sessions.flatMap((session) => sessionProblem(session) ?? []);
  return {
    ...{ rows: sessions.reduce((sum, { events }) => sum + events, 0), problems, problemCount: problems.length },
    next: sessions.length === take ? (sessions.at(-1)?.id ?? null) : null,
  };
}

async function verifyAudit({ auditLogSeal }: VerifyOptions, db: WorkspaceDb, workspaceId: string): Promise<Found> {
  const { keys, known, walk } = auditLogSeal;
  const found = await walk(workspaceId, () =>
    verifyLog(db, { workspaceId, keys, checkpoint: undefined, known: known(workspaceId) }),
  );
  const problems = found.problems.map(
    ({ kind, message }): VerificationProblem => ({ kind: "audit", id: null, message: `${kind}: ${message}` }),
  );
  return { rows: found.checkedEvents, problems, problemCount: found.problemCount, next: null };
}
