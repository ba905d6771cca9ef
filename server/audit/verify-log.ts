import {
  type AuditProblem,
  type Checkpoint,
  type ExpiredPlaces,
  equalBytes,
  LogChecker,
  NoteError,
  type NoteKey,
  openCheckpoint,
  ProblemList,
  readUnverifiedCheckpoint,
  splitNote,
  toBase64,
} from "../../client-sdk/src/audit/index.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import type { AuditLogKeys } from "../isolation/audit-log-keys.ts";
import { readPlaces } from "./log-entries.ts";

/** What a workspace's log and trail are found to be. */
export interface LogVerification {
  valid: boolean;
  checkedEvents: number;
  treeSize: number;
  rootHash: string | null;
  /** The newest checkpoint, for the caller to keep. */
  checkpoint: string | null;
  unsealedEvents: number;
  unsealedSince: Date | null;
  /** Events that are no longer kept, as the log itself says under its key. */
  expiredEvents: number;
  expired: ExpiredPlaces[];
  problems: AuditProblem[];
  problemCount: number;
}

const PLACES_PER_PAGE = 1_000;
const MAX_EXPIRED = 1_000;

interface VerifyOptions {
  workspaceId: string;
  keys: AuditLogKeys;
  /** One that the caller kept. */
  checkpoint: string | undefined;
  /** What this process signed last, taken before the log is read. */
  known: Checkpoint | undefined;
}

/**
 * Goes through the whole log, a page at a time: every event is hashed anew and compared with what was sealed, the tree is
 * built anew and compared with every checkpoint on the way. Each page is a statement of its own, checked like any other.
 */
export async function verifyLog(
  db: Pick<WorkspaceDb, "auditLog" | "auditCheckpoint">,
  options: VerifyOptions,
): Promise<LogVerification> {
  const problems = new ProblemList();
  const checker = new LogChecker(options.workspaceId, problems);
  const keys = options.keys.of(options.workspaceId);
  const open = async (note: string, of: string): Promise<Checkpoint | null> => {
    try {
      return await openCheckpoint(note, keys);
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      problems.add("signature", null, `${of}: ${error.message}`);
      return null;
    }
  };
  const given = options.checkpoint === undefined ? null : await open(options.checkpoint, "The checkpoint that was given");
  for (const kept of [given, options.known]) if (kept) checker.expect(kept);
  const newest = await db.auditCheckpoint.findFirst({ orderBy: { treeSize: "desc" } });
  const treeSize = Number(newest?.treeSize ?? 0);

  for (let from = 0; from < treeSize; from += PLACES_PER_PAGE) {
    const to = Math.min(from + PLACES_PER_PAGE, treeSize);
    const checkpoints = await db.auditCheckpoint.findMany({
      where: { treeSize: { gt: from, lte: to } },
      orderBy: { treeSize: "asc" },
    });
    for (const row of checkpoints) {
      const size = Number(row.treeSize);
      const of = `The checkpoint at ${size}`;
      // One under a key that is no longer configured proves nothing, but it must say what the others do.
      const isRetired = size < treeSize && isSignedByOthers(row.note, keys);
      const checkpoint = isRetired ? readUnverifiedCheckpoint(row.note) : await open(row.note, of);
      if (!checkpoint) continue;
      if (checkpoint.treeSize === size && equalBytes(checkpoint.rootHash, row.rootHash)) checker.expect(checkpoint);
      else problems.add("signature", null, `${of} says something else than its signed note`);
    }
    for (const place of await readPlaces(db, { from, to, take: PLACES_PER_PAGE })) checker.add(place);
  }
  const root = checker.next === treeSize ? checker.root() : null;
  checker.end(treeSize);
  await checker.checkGone(keys);
  await checkTail(db, problems);
  const unsealed = await db.auditLog.unsealed();
  return {
    valid: problems.count === 0,
    checkedEvents: checker.events,
    treeSize,
    rootHash: root && toBase64(root),
    checkpoint: newest?.note ?? null,
    unsealedEvents: unsealed.count,
    unsealedSince: unsealed.since,
    expiredEvents: checker.expiredEvents,
    expired: checker.expired.slice(0, MAX_EXPIRED),
    problems: problems.found,
    problemCount: problems.count,
  };
}

/** Whether it is a well-formed note that none of the keys is said to have signed. */
function isSignedByOthers(note: string, keys: readonly NoteKey[]): boolean {
  try {
    const { signatures } = splitNote(note);
    readUnverifiedCheckpoint(note);
    return signatures.every(({ name, id }) => !keys.some((key) => key.name === name && key.id === id));
  } catch {
    return false; // no checkpoint at all, which is told when it is opened
  }
}

/** Leaves and the checkpoint over them are committed together, so no leaf stands behind the newest checkpoint. */
async function checkTail(db: Pick<WorkspaceDb, "auditLog">, problems: ProblemList): Promise<void> {
  const { leaves, treeSize } = await db.auditLog.state();
  if (leaves <= treeSize) return;
  problems.add("unsigned", [treeSize, leaves - 1], `The log has ${leaves} entries and is signed for ${treeSize}`);
}
