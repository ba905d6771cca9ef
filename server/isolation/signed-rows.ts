import type { Binding } from "../db/binding.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import { type BoundaryProblem, boundaryProblem, type SignedAgent } from "./agent-boundary.ts";
import type { BoundaryKeys } from "./boundary.ts";
import type { Violation } from "./violations.ts";
import { readBoundaryKeys } from "./workspace-keys.ts";

/** What the server's own work on a workspace's rows needs. */
export interface RowAccess {
  /** Newest first. */
  rootSecrets: readonly string[];
  openWorkspace(binding: Binding): WorkspaceDb;
}

/** Rows of a workspace, with those that were not made in it. */
export interface JudgedRows {
  db: WorkspaceDb;
  /** Null where the workspace has none, so that no row could be judged. */
  keys: BoundaryKeys | null;
  rows: SignedAgent[];
  bad: { id: string; reasonCode: BoundaryProblem }[];
}

/** What of an agent is read to judge it. */
export const SIGNED = { id: true, createdAt: true, boundary: true, boundaryKeyVersion: true } as const;

/** Every row, softly deleted ones too: they can be restored. */
export const DELETED_TOO = { OR: [{ deletedAt: null }, { deletedAt: { not: null } }] };

const MAX_ATTEMPTS = 3;

/**
 * Reads rows of the workspace and judges them by its keys. Keys that are others after the reads than before are those of
 * a workspace that was deleted and came back meanwhile: then it is all read again, because no row may be accused wrongly.
 */
export async function judgeRows(
  { rootSecrets, openWorkspace }: RowAccess,
  { workspaceId, purpose }: { workspaceId: string; purpose: string },
  read: (db: WorkspaceDb, keys: BoundaryKeys | null) => Promise<SignedAgent[]>,
): Promise<JudgedRows> {
  const db = openWorkspace(systemBinding(workspaceId, purpose));
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const keys = await readBoundaryKeys(rootSecrets, db);
    const rows = await read(db, keys);
    if (!keys) return { db, keys, rows, bad: [] };
    const bad = rows.flatMap((row) => {
      const reasonCode = boundaryProblem(workspaceId, keys, row);
      return reasonCode ? [{ id: row.id, reasonCode }] : [];
    });
    if (bad.length === 0) return { db, keys, rows, bad };
    const after = await readBoundaryKeys(rootSecrets, db);
    if (after?.current.key.equals(keys.current.key)) return { db, keys, rows, bad };
  }
  throw new Error("The workspace's keys did not stay the same while its rows were read");
}

/** The violation of a row that the server's own work met. */
export function violationOf(workspaceId: string, { id, reasonCode }: JudgedRows["bad"][number]): Violation {
  return { workspaceId, target: { kind: "agent", id }, reasonCode, reader: null };
}
