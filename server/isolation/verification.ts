import { z } from "zod";
import type { SessionCounts } from "../db/session-counts.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";

/** What was not as it should be, and the row that it was found at; of an audit log as a whole there is none. */
const Problem = z.object({
  kind: z.enum(["boundary", "offsets", "counters", "audit"]),
  id: z.string().nullable(),
  message: z.string(),
});
export type VerificationProblem = z.output<typeof Problem>;

/** So many problems are kept by name; all are counted. */
export const MAX_PROBLEMS = 20;

const Tally = z.object({
  startedAt: z.iso.datetime(),
  rows: z.int(),
  problemCount: z.int(),
  problems: z.array(Problem).max(MAX_PROBLEMS),
});

export const PHASES = ["agent", "session", "events", "audit"] as const;

/** How the last whole verification of a workspace went, and how far the one under way has come. */
const VerificationState = z.object({
  last: Tally.extend({ finishedAt: z.iso.datetime() }).nullable(),
  current: Tally.extend({ phase: z.enum(PHASES), afterId: z.string().nullable() }).nullable(),
});
export type VerificationState = z.output<typeof VerificationState>;

/** Null where the workspace has no state. What cannot be read is begun anew. */
export async function readVerification(db: Pick<WorkspaceDb, "workspaceState">): Promise<VerificationState | null> {
  const row = await db.workspaceState.findFirst({ select: { verification: true } });
  if (!row) return null;
  const parsed = VerificationState.safeParse(row.verification);
  return parsed.success ? parsed.data : { last: null, current: null };
}

/** False where the workspace's state is gone. */
export async function keepVerification(db: Pick<WorkspaceDb, "workspaceState">, state: VerificationState): Promise<boolean> {
  const { count } = await db.workspaceState.updateMany({ where: {}, data: { verification: state } });
  return count > 0;
}

/** What is wrong with a session's events and counts; null where they agree. */
export function sessionProblem(session: SessionCounts): VerificationProblem | null {
  const { id, eventCount, messageCount, events, messages, firstOffset, lastOffset, keptMessages } = session;
  // Offsets are unique, so as many as from the first to the last are all of them.
  if (events > 0 && (firstOffset !== 0 || lastOffset !== events - 1)) {
    return { kind: "offsets", id, message: `Its ${events} events have offsets from ${firstOffset} to ${lastOffset}` };
  }
  if (eventCount !== events || messageCount !== messages) {
    const message = `It says ${eventCount} events and ${messageCount} messages; there are ${events} and ${messages}`;
    return { kind: "counters", id, message };
  }
  if (keptMessages === null || keptMessages === messages) return null;
  return { kind: "counters", id, message: `Analytics keep ${keptMessages} messages of it; there are ${messages}` };
}
