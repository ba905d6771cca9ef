import type { Binding } from "../db/binding.ts";
import { systemBinding } from "../db/system-binding.ts";
import type { WorkspaceDb, WorkspaceTransaction } from "../db/workspace-db.ts";
import type { BoundaryKeys, SignedKind } from "./boundary.ts";
import { type BoundaryProblem, boundaryProblem, type SignedRow } from "./boundary-problem.ts";
import type { Violation } from "./violations.ts";
import { readBoundaryKeys } from "./workspace-keys.ts";

/** What the server's own work on a workspace's rows needs. */
export interface RowAccess {
  /** Newest first. */
  rootSecrets: readonly string[];
  openWorkspace(binding: Binding): WorkspaceDb;
}

/** A row with what it is a row of. */
export type JudgedRow = SignedRow & { kind: SignedKind };

/** Rows of a workspace, with those that were not made in it. */
export interface JudgedRows {
  db: WorkspaceDb;
  /** Null where the workspace has none, so that no row could be judged. */
  keys: BoundaryKeys | null;
  rows: JudgedRow[];
  bad: { kind: SignedKind; id: string; reasonCode: BoundaryProblem }[];
}

const SIGNED = { id: true, createdAt: true, boundary: true, boundaryKeyVersion: true } as const;

/** Every row of a kind, softly deleted ones too: they can be restored. */
const EVERY_ROW = {
  agent: { OR: [{ deletedAt: null }, { deletedAt: { not: null } }] },
  session: {},
} as const satisfies Record<SignedKind, object>;

/** What is done to signed rows of any kind, whose models have all that it speaks of. */
interface SignedModel {
  findMany(args: { where: object; select: typeof SIGNED; orderBy: object; take: number }): Promise<SignedRow[]>;
  updateMany(args: { where: object; data: object }): Promise<{ count: number }>;
  groupBy(args: object): Promise<{ boundaryKeyVersion: number; _count: { _all: number } }[]>;
}

function modelOf(db: Pick<WorkspaceTransaction, SignedKind>, kind: SignedKind): SignedModel {
  return db[kind] as unknown as SignedModel;
}

/** Rows of a kind in the order of their ids. */
export async function readSignedRows(
  db: WorkspaceDb,
  kind: SignedKind,
  { where = {}, order, take }: { where?: object; order: "asc" | "desc"; take: number },
): Promise<JudgedRow[]> {
  const rows = await modelOf(db, kind).findMany({
    where: { ...EVERY_ROW[kind], ...where },
    select: SIGNED,
    orderBy: { id: order },
    take,
  });
  return rows.map((row) => ({ ...row, kind }));
}

/** How many rows of a kind are signed under each root secret. */
export async function countByKeyVersion(db: WorkspaceDb, kind: SignedKind): Promise<{ version: number; rows: number }[]> {
  const groups = await modelOf(db, kind).groupBy({
    by: ["boundaryKeyVersion"],
    where: EVERY_ROW[kind],
    _count: { _all: true },
  });
  return groups.map(({ boundaryKeyVersion, _count }) => ({ version: boundaryKeyVersion, rows: _count._all }));
}

/** Gives a row another boundary, if it is still as it was read; says whether it was. */
export async function reSignRow(
  tx: WorkspaceTransaction,
  { kind, id, createdAt, boundary, boundaryKeyVersion }: JudgedRow,
  signature: { boundary: string; boundaryKeyVersion: number },
): Promise<boolean> {
  const { count } = await modelOf(tx, kind).updateMany({
    where: { ...EVERY_ROW[kind], id, createdAt, boundary, boundaryKeyVersion },
    data: signature,
  });
  return count === 1;
}

const MAX_ATTEMPTS = 3;

/**
 * Reads rows of the workspace and judges them by its keys. Keys that are others after the reads than before are those of
 * a workspace that was deleted and came back meanwhile: then it is all read again, because no row may be accused wrongly.
 */
export async function judgeRows(
  { rootSecrets, openWorkspace }: RowAccess,
  { workspaceId, purpose }: { workspaceId: string; purpose: string },
  read: (db: WorkspaceDb, keys: BoundaryKeys | null) => Promise<JudgedRow[]>,
): Promise<JudgedRows> {
  const db = openWorkspace(systemBinding(workspaceId, purpose));
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const keys = await readBoundaryKeys(rootSecrets, db);
    const rows = await read(db, keys);
    if (!keys) return { db, keys, rows, bad: [] };
    const bad = rows.flatMap((row) => {
      const reasonCode = boundaryProblem(row.kind, workspaceId, keys, row);
      return reasonCode ? [{ kind: row.kind, id: row.id, reasonCode }] : [];
    });
    if (bad.length === 0) return { db, keys, rows, bad };
    const after = await readBoundaryKeys(rootSecrets, db);
    if (after?.current.key.equals(keys.current.key)) return { db, keys, rows, bad };
  }
  throw new Error("The workspace's keys did not stay the same while its rows were read");
}

/** The violation of a row that the server's own work met. */
export function violationOf(workspaceId: string, { kind, id, reasonCode }: JudgedRows["bad"][number]): Violation {
  return { workspaceId, target: { kind, id }, reasonCode, reader: null };
}
