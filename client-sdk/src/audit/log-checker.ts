import { equalBytes, toBase64 } from "./bytes.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { ExportEntry } from "./export-entries.ts";
import { type AuditLeaf, auditLeafHash } from "./leaf.ts";
import { CompactRange } from "./merkle.ts";

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
/** How long behind a newer event one may be sealed, and how far its time may be from its id's. Transactions last seconds. */
const MAX_LATE_MS = 3_600_000;

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

  /** The same for one place. Places side by side are one problem, so that a month that is gone hides nothing behind it. */
  addPlace(kind: AuditProblem["kind"], seq: number, one: string, many: string): void {
    const last = this.#last;
    if (last?.kind === kind && last.firstSeq !== null && last.lastSeq === seq - 1) {
      last.lastSeq = seq;
      last.message = `Events ${last.firstSeq} to ${seq} ${many}`;
    } else {
      this.add(kind, [seq, seq], `Event ${seq} ${one}`);
    }
  }
}

/** Goes once through a log's entries, in bounded memory, and collects all that is wrong with them. */
export class LogChecker {
  readonly problems: ProblemList;
  readonly #workspaceId: string;
  readonly #tree = new CompactRange();
  readonly #expected = new Map<number, Checkpoint[]>();
  #next = 0;
  #trusted = 0;
  /** Once a hash is gone or wrong, no root can be compared any more. */
  #isTreeKnown = true;
  #isPlaceKnown = true;
  /** The latest time of an event so far. */
  #newestMs = Number.NEGATIVE_INFINITY;
  #events = 0;
  #omitted = 0;

  constructor(workspaceId: string, problems = new ProblemList()) {
    this.#workspaceId = workspaceId;
    this.problems = problems;
  }

  /** Events whose content was compared with what was sealed. */
  get events(): number {
    return this.#events;
  }

  /** Places that were left out of what was given. */
  get omitted(): number {
    return this.#omitted;
  }

  /** The place that comes next. */
  get next(): number {
    return this.#next;
  }

  /** The root of all entries so far, or null where one of them is gone. */
  root(): Uint8Array | null {
    return this.#isTreeKnown ? this.#tree.root() : null;
  }

  /** Compares the log with a checkpoint as soon as it is as long; to be told before it is longer. */
  expect(checkpoint: Checkpoint): void {
    const { treeSize } = checkpoint;
    this.#expected.set(treeSize, [...(this.#expected.get(treeSize) ?? []), checkpoint]);
    this.#compare();
  }

  add(entry: ExportEntry): void {
    const [from, to] = "seq" in entry ? [entry.seq, entry.seq + 1] : [entry.from, entry.to];
    if (from < this.#next || to <= from) {
      this.addMalformed(`An entry is out of order: ${from}, where ${this.#next} is due`);
      return;
    }
    if (from > this.#next) this.#lose(from, this.#isPlaceKnown);
    this.#isPlaceKnown = true;
    switch (entry.kind) {
      case "event":
        this.#events++;
        this.#checkContent(entry.seq, entry.leaf, entry.leafHash);
        this.#append(to, [entry.leafHash]);
        break;
      case "missing":
        this.problems.addPlace("missing", from, "was sealed and is gone", "were sealed and are gone");
        this.#append(to, [entry.leafHash]);
        break;
      case "omitted":
        this.#omitted += to - from;
        this.#append(to, entry.hashes);
        break;
      case "lost":
        this.#lose(to, true);
        break;
    }
  }

  /** Counts a record that cannot be read; which places it stood for is seen from the next one. */
  addMalformed(message: string): void {
    this.problems.add("malformed", [this.#next, this.#next], message);
    this.#isTreeKnown = false;
    this.#isPlaceKnown = false;
  }

  /** The log ends here, and should be `treeSize` long. */
  end(treeSize: number): void {
    if (treeSize > this.#next && this.#isPlaceKnown) {
      const message = `The log had ${treeSize} entries and has ${this.#next}`;
      this.problems.add("truncated", [this.#next, treeSize - 1], message);
    }
    for (const size of this.#expected.keys()) {
      if (!this.#isTreeKnown) break;
      if (size <= this.#next) {
        this.problems.add("incomparable", null, `The log's tree of ${size} entries cannot be made from what was given`);
      } else if (size !== treeSize) {
        this.problems.add("truncated", [this.#next, size - 1], `The log had ${size} entries once and has ${this.#next}`);
      }
    }
  }

  #checkContent(seq: number, leaf: AuditLeaf, sealedHash: Uint8Array): void {
    if (leaf.workspaceId !== this.#workspaceId) {
      this.problems.add("changed", [seq, seq], `Event ${seq} is one of another workspace`);
    } else if (!isSealedAs(leaf, sealedHash)) {
      this.problems.add("changed", [seq, seq], `Event ${seq} is not what was sealed`);
    } else {
      this.#checkTime(seq, leaf);
    }
  }

  /** What somebody wrote into the table is sealed like any other; that it was not written when it says is seen by this. */
  #checkTime(seq: number, leaf: AuditLeaf): void {
    const ms = Date.parse(leaf.occurredAt);
    if (!(Math.abs(ms - timeOfId(leaf.id)) <= MAX_LATE_MS)) {
      this.problems.addPlace("backdated", seq, "has another time than its id", "have other times than their ids");
    } else if (ms < this.#newestMs - MAX_LATE_MS) {
      this.problems.addPlace("backdated", seq, "was sealed behind newer ones", "were sealed behind newer ones");
    } else {
      this.#newestMs = Math.max(this.#newestMs, ms);
    }
  }

  #append(to: number, hashes: readonly Uint8Array[]): void {
    this.#next = to;
    if (!this.#isTreeKnown) return;
    try {
      this.#tree.appendAll(to, hashes);
    } catch {
      this.addMalformed(`The entry before ${to} has hashes of another number or length than its places need`);
      return;
    }
    this.#compare();
  }

  #lose(to: number, isReported: boolean): void {
    if (isReported) {
      const last = to - 1;
      const places = last === this.#next ? `place ${last}` : `places ${this.#next} to ${last}`;
      this.problems.add("lost", [this.#next, last], `What was sealed in ${places} is gone`);
    }
    this.#next = to;
    this.#isTreeKnown = false;
  }

  #compare(): void {
    if (!this.#isTreeKnown) return;
    const size = this.#tree.to;
    const due = this.#expected.get(size);
    if (!due) return;
    this.#expected.delete(size);
    const root = this.#tree.root();
    const other = due.find(({ rootHash }) => !equalBytes(root, rootHash));
    if (!other) {
      this.#trusted = size;
      return;
    }
    const message = `The first ${size} entries are not those that were signed as ${toBase64(other.rootHash)}`;
    this.problems.add("rewritten", [this.#trusted, Math.max(this.#trusted, size - 1)], message);
    this.#isTreeKnown = false;
  }
}

function isSealedAs(leaf: AuditLeaf, sealedHash: Uint8Array): boolean {
  try {
    return equalBytes(auditLeafHash(leaf), sealedHash);
  } catch {
    return false; // not JSON that could ever have been sealed
  }
}

/** The time in a UUID of version 7, in milliseconds; NaN of another UUID. */
function timeOfId(id: string): number {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(id) ? Number.parseInt(id.replace("-", "").slice(0, 12), 16) : Number.NaN;
}
