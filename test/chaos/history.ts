/** A call as its client saw it; times are of one monotonic clock. */
export interface RecordedCall {
  subject: string;
  server: string;
  what: string;
  startedAt: number;
  endedAt: number;
  isAllowed: boolean;
}

/** From when a revocation was known to be committed until its undoing began. */
export interface RecordedRevocation {
  subject: string;
  kind: string;
  committedAt: number;
  undoneFrom: number;
}

export interface History {
  calls: RecordedCall[];
  revocations: RecordedRevocation[];
}

/**
 * What a history must not hold: calls that began after a revocation had been committed, ended before it was undone, and
 * were allowed. Judged from the record alone, after the fact.
 */
export function staleAllows({ calls, revocations }: History): (RecordedCall & { kind: string; lateMs: number })[] {
  const bySubject = Map.groupBy(revocations, ({ subject }) => subject);
  return calls.flatMap((call) => {
    if (!call.isAllowed) return [];
    const revocation = bySubject
      .get(call.subject)
      ?.find(({ committedAt, undoneFrom }) => call.startedAt > committedAt && call.endedAt < undoneFrom);
    return revocation ? [{ ...call, kind: revocation.kind, lateMs: call.startedAt - revocation.committedAt }] : [];
  });
}

/** How many calls a history judges: those that lie wholly inside of a revocation. */
export function judgedCalls({ calls, revocations }: History): number {
  const bySubject = Map.groupBy(revocations, ({ subject }) => subject);
  return calls.filter(({ subject, startedAt, endedAt }) =>
    bySubject.get(subject)?.some(({ committedAt, undoneFrom }) => startedAt > committedAt && endedAt < undoneFrom),
  ).length;
}
