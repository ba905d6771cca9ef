import { ProblemList } from "./audit-problems.ts";
import { equalBytes, toBase64 } from "./bytes.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { ExportEntry } from "./export-entries.ts";
import { type AuditLeaf, auditLeafHash } from "./leaf.ts";
import { CompactRange } from "./merkle.ts";
import { PlaceRanges } from "./place-ranges.ts";
import { isRetentionSigned, type Retention, retentionOf } from "./retention.ts";
import type { NoteKey } from "./signed-note.ts";

/** How long behind a newer event one may be sealed, and how far its time may be from its id's. Transactions last seconds. */
const MAX_LATE_MS = 3_600_000;
/** Ranges of places whose events are gone, and statements about them, that are kept until all was read. */
const MAX_GONE_RANGES = 100_000;
const MAX_RETENTIONS = 1_000;

/** Places whose events are no longer kept, as the log itself says. */
export interface ExpiredPlaces {
  firstSeq: number;
  lastSeq: number;
  /** The month that they were of. */
  period: string;
  /** ISO 8601 in UTC. */
  expiredAt: string;
  /** Who had them dropped. */
  by: string;
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
  readonly #gone = new PlaceRanges();
  readonly #retentions: { note: string; retention: Retention }[] = [];
  readonly #expired: ExpiredPlaces[] = [];

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

  /** Places whose events are gone, and expired as the log itself says; known once `checkGone` has resolved. */
  get expired(): readonly ExpiredPlaces[] {
    return this.#expired;
  }

  /** How many events those are. */
  get expiredEvents(): number {
    return this.#expired.reduce((total, { firstSeq, lastSeq }) => total + lastSeq - firstSeq + 1, 0);
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
        if (this.#checkContent(entry.seq, entry.leaf, entry.leafHash)) this.#takeRetention(entry.seq, entry.leaf);
        this.#append(to, [entry.leafHash]);
        break;
      case "missing":
        this.#noteGone(from, to);
        this.#append(to, [entry.leafHash]);
        break;
      case "expired":
        this.#noteGone(from, to);
        this.#append(to, entry.hashes);
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

  /**
   * To be called once, when all was read: what is gone is expired where the log says so under one of its keys, and
   * missing anywhere else.
   */
  async checkGone(keys: readonly NoteKey[]): Promise<void> {
    for (const { note, retention } of this.#retentions) {
      if (this.#gone.ranges.length === 0) return;
      if (!(await isRetentionSigned(note, keys))) continue;
      const { period, expiredAt, by } = retention;
      for (const [from, to] of this.#gone.remove(new PlaceRanges(retention.places))) {
        this.#expired.push({ firstSeq: from, lastSeq: to - 1, period, expiredAt, by });
      }
    }
    for (const [from, to] of this.#gone.ranges) this.#reportMissing(from, to);
  }

  #noteGone(from: number, to: number): void {
    this.#gone.append(from, to);
    if (this.#gone.ranges.length <= MAX_GONE_RANGES) return;
    for (const [first, behind] of this.#gone.remove(new PlaceRanges([[0, from]]))) this.#reportMissing(first, behind);
  }

  #reportMissing(from: number, to: number): void {
    this.problems.addPlaces("missing", [from, to - 1], "was sealed and is gone", "were sealed and are gone");
  }

  /** A statement that is about another tree than this one at this place is somebody's copy. */
  #takeRetention(seq: number, leaf: AuditLeaf): void {
    const found = this.#retentions.length < MAX_RETENTIONS ? retentionOf(leaf) : null;
    if (found?.retention.treeSize !== seq) return;
    if (this.#isTreeKnown && !equalBytes(this.#tree.root(), found.retention.rootHash)) return;
    this.#retentions.push(found);
  }

  /** Whether the event is what was sealed. */
  #checkContent(seq: number, leaf: AuditLeaf, sealedHash: Uint8Array): boolean {
    if (leaf.workspaceId !== this.#workspaceId) {
      this.problems.addPlaces("changed", [seq, seq], "is one of another workspace", "are those of other workspaces");
    } else if (!isSealedAs(leaf, sealedHash)) {
      this.problems.addPlaces("changed", [seq, seq], "is not what was sealed", "are not what was sealed");
    } else {
      this.#checkTime(seq, leaf);
      return true;
    }
    return false;
  }

  /** What somebody wrote into the table is sealed like any other; that it was not written when it says is seen by this. */
  #checkTime(seq: number, leaf: AuditLeaf): void {
    const ms = Date.parse(leaf.occurredAt);
    if (!(Math.abs(ms - timeOfId(leaf.id)) <= MAX_LATE_MS)) {
      this.problems.addPlaces("backdated", [seq, seq], "has another time than its id", "have other times than their ids");
    } else if (ms < this.#newestMs - MAX_LATE_MS) {
      this.problems.addPlaces("backdated", [seq, seq], "was sealed behind newer ones", "were sealed behind newer ones");
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
