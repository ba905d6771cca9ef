/** What can be wrong with a log. */
export const AUDIT_PROBLEMS = [
  /** The event is not what was sealed: edited, dated back, or another one put in its place. */
  "changed",
  /** The event was sealed as one of another time than its id has, or long behind newer ones: it was not written by the server. */
  "backdated",
  /** The event is gone; that it was there is still proven. */
  "missing",
  /** Even what was sealed in these places is gone. */
  "lost",
  /** The log was longer once. */
  "truncated",
  /** What was sealed in these places is not what was signed. */
  "rewritten",
  /** A signature is wrong or lacking. */
  "signature",
  /** Entries that no checkpoint vouches for. */
  "unsigned",
  /** The record is not as it was written. */
  "malformed",
  /** A given checkpoint could not be compared. */
  "incomparable",
] as const;

export interface AuditProblem {
  kind: (typeof AUDIT_PROBLEMS)[number];
  /** The first and last place in the log that it concerns; null where it concerns the log as a whole. */
  firstSeq: number | null;
  lastSeq: number | null;
  message: string;
}

const MAX_PROBLEMS = 1_000;

/** Problems in the order in which they were found; the first thousand are kept and all are counted. */
export class ProblemList {
  readonly found: AuditProblem[] = [];
  count = 0;
  #last: AuditProblem | undefined;

  add(kind: AuditProblem["kind"], places: readonly [first: number, last: number] | null, message: string): void {
    this.count++;
    this.#last = { kind, firstSeq: places?.[0] ?? null, lastSeq: places?.[1] ?? null, message };
    if (this.found.length < MAX_PROBLEMS) this.found.push(this.#last);
  }

  /** The same for events. Those side by side are one problem, so that a thousand of them hide nothing behind them. */
  addPlaces(kind: AuditProblem["kind"], [first, end]: readonly [first: number, last: number], one: string, many: string): void {
    const last = this.#last;
    if (last?.kind === kind && last.firstSeq !== null && last.lastSeq === first - 1) {
      last.lastSeq = end;
      last.message = `Events ${last.firstSeq} to ${end} ${many}`;
    } else {
      this.add(kind, [first, end], first === end ? `Event ${first} ${one}` : `Events ${first} to ${end} ${many}`);
    }
  }
}
