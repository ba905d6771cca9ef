import { rm } from "node:fs/promises";
import { isGuardRejection } from "../../db/errors.ts";
import type { SimFeatures } from "../../db/sim-features.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import { purgeBinding } from "../../db/system-binding.ts";
import type { TenantTable } from "../../db/tenant-tables.ts";
import type { RowWriter, WorkspaceRows } from "../../db/workspace-rows.ts";
import { AppError } from "../../shared/errors.ts";
import { removeUnfinished } from "./export-file.ts";
import { exportWorkspace, type StoredExport, type WholeWorkspaceAccess } from "./export-workspace.ts";
import { isDeletedByItself, purgedTables } from "./purge-plan.ts";
import { findLastPurge, type PurgeRecord, recordDone, recordStart } from "./purge-record.ts";

export interface PurgeAccess extends WholeWorkspaceAccess {
  sim: SimReader;
  features: SimFeatures;
  /** Seals what the workspace's audit trail has. */
  seal(workspaceId: string): Promise<void>;
  /** Where exports are kept; undefined where that is not configured. */
  exportDirectory: string | undefined;
  /** Rows that one transaction deletes; only tests have a reason for others than usual. */
  rowsPerBatch?: number;
}

export interface PurgeRequest {
  workspaceId: string;
  /** Whether every row is to be in a file before the first one is deleted. */
  isExportAsked: boolean;
}

export interface Purged {
  /** By table, the rows that are gone by this purge and by what it carries on; jobs too. */
  deleted: Record<string, number>;
  /** The file that this call wrote; null where none was asked for, or an earlier call wrote it. */
  export: StoredExport | null;
  /** Whether there was nothing to do: an earlier purge had ended, and no row has come since. */
  wasDone: boolean;
}

const ROWS_PER_BATCH = 1_000;
const MAX_EXPORTS = 3;
/** Of these rows may come at any time: other servers had them in their spools. */
const COMES_LATE: ReadonlySet<string> = new Set(["AuthzDecision"]);

/**
 * No row of the workspace is left in any tenant table, its keys are destroyed, and its audit log has a sealed event, readable
 * without keys, that says per table how many rows there were and that none is left. The log itself stays, its contents
 * unreadable. Deleted is in batches, those first that refer to others, the workspace's state and with it its keys last.
 * Called again after any failure or kill -9 it goes on from where it was, without a second export; called when all is done
 * it changes nothing; called by two at once it is done once. What arrives afterwards (decisions that another server still had
 * in its spool) is purged by the next call.
 *
 * @throws AppError CONFLICT where Sim shows the workspace as live, before or meanwhile, were it archived anew by then: what
 * is not deleted by then stays
 * @throws where the export fails, or EXPORT_DIR is not set: then nothing is deleted
 */
export async function purgeWorkspace(access: PurgeAccess, { workspaceId, isExportAsked }: PurgeRequest): Promise<Purged> {
  const archivedAt = await readArchivedAt(access, workspaceId);
  const rows = access.openRows(purgeBinding(workspaceId, archivedAt, access.features));
  try {
    return await purge(access, rows, { workspaceId, isExportAsked, archivedAt });
  } catch (error) {
    if (!isGuardRejection(error)) throw error;
    throw new AppError("CONFLICT", "Sim shows the workspace as live: nothing of it is purged", { cause: error });
  }
}

/** A request, and the archive that it is about. */
type PurgeOfArchive = PurgeRequest & { archivedAt: string | null };

async function purge(access: PurgeAccess, rows: WorkspaceRows, request: PurgeOfArchive): Promise<Purged> {
  const { workspaceId } = request;
  const { tenantTables, rowsPerBatch = ROWS_PER_BATCH } = access;
  const tables = purgedTables(tenantTables);
  const last = await findLastPurge(rows, tenantTables);
  if (last?.isDone && sum(await countAll(rows, tables)) === 0) {
    // Sealed already, unless the purge was killed behind its last transaction.
    await finish(access, workspaceId);
    return { deleted: last.record.deleted ?? last.record.found, export: null, wasDone: true };
  }
  const { record, stored } =
    last && !last.isDone && isOfTheSame(last.record, request)
      ? { record: last.record, stored: null }
      : await begin(access, rows, request, last?.isDone === true);
  const deleted: Record<string, number> = Object.fromEntries(tables.map(({ name }) => [name, 0]));
  let total = await end(access, rows, workspaceId, record, deleted);
  while (total === null) {
    let gone = 0;
    // The state and the keys in it are the last transaction's.
    for (const table of tables.slice(0, -1).filter(isDeletedByItself)) {
      for (let count = rowsPerBatch; count === rowsPerBatch; ) {
        count = await rows.transaction(async (tx) => {
          await tx.lock();
          return tx.deleteSome(table, rowsPerBatch);
        });
        deleted[table.name] = (deleted[table.name] ?? 0) + count;
        gone += count;
      }
    }
    total = await end(access, rows, workspaceId, record, deleted);
    if (total === null && gone === 0) throw new Error("Rows of the workspace are left that nothing deletes: its keys are kept");
  }
  await finish(access, workspaceId);
  return { deleted: total, export: stored, wasDone: false };
}

async function finish({ exportDirectory, seal }: PurgeAccess, workspaceId: string): Promise<void> {
  if (exportDirectory !== undefined) await removeUnfinished(exportDirectory, workspaceId);
  await seal(workspaceId);
}

/** Nothing is deleted before this has recorded what there is, and the export is on the disk and has all of it. */
async function begin(
  access: PurgeAccess,
  rows: WorkspaceRows,
  request: PurgeOfArchive,
  isAnotherDone: boolean,
): Promise<{ record: PurgeRecord; stored: StoredExport | null }> {
  const { workspaceId, isExportAsked, archivedAt } = request;
  const tables = purgedTables(access.tenantTables);
  const findOther = async (reader: Parameters<typeof findLastPurge>[0]) => {
    const other = await findLastPurge(reader, access.tenantTables);
    return other && isOfTheSame(other.record, request) && !(other.isDone && isAnotherDone) ? other.record : null;
  };
  // What another call that came to its end has taken away is no failure; it is joined below.
  const exportUnlessDone = () =>
    exportWorkspace(access, workspaceId, directoryOf(access)).catch(async (error: unknown) => {
      if (await findOther(rows)) return null;
      throw error;
    });
  // Of a live workspace not even an export is made.
  await rows.transaction((tx) => tx.lock());
  for (let attempt = 1; ; attempt++) {
    const stored = isExportAsked ? await exportUnlessDone() : null;
    const begun = await rows.transaction(async (tx) => {
      await tx.lock();
      // Another call may have begun, and ended, while this one exported: its export was the whole one.
      const other = await findOther(tx);
      if (other) return { record: other, stored: null };
      if (isExportAsked && !stored) return null;
      const found = await countAll(tx, tables);
      if (stored && tables.some(({ model, name }) => !COMES_LATE.has(model) && found[name] !== stored.rows[name])) return null;
      const record = { archivedAt, found, export: stored && { sha256: stored.sha256 } };
      await recordStart(tx, access.tenantTables, workspaceId, access.clock.now(), record);
      return { record, stored };
    });
    if (stored && !begun?.stored) await rm(stored.file);
    if (begun) return begun;
    if (attempt === MAX_EXPORTS)
      throw new AppError("CONFLICT", `Rows came while they were exported, ${attempt} times: nothing was purged`);
  }
}

/** Of a workspace that was restored and archived again there is more than an earlier purge had seen. */
function isOfTheSame(record: PurgeRecord, { archivedAt, isExportAsked }: PurgeOfArchive): boolean {
  return record.archivedAt === archivedAt && (record.export !== null || !isExportAsked);
}

/** Null where Sim no longer has the workspace; else the guard of each transaction has it archived, at this very time. */
async function readArchivedAt({ sim, features }: PurgeAccess, workspaceId: string): Promise<string | null> {
  if (!features.workspaceArchivedAt) return null;
  const [row] = await sim.query<{ archivedAt: string }>({
    name: "purge_archived_at",
    text: `select archived_at::text as "archivedAt" from public.workspace where id = $1`,
    values: [workspaceId],
  });
  return row?.archivedAt ?? null;
}

/**
 * In one transaction: nothing is left but the state, the record says so, and the keys and the jobs are gone. Resolves to what
 * is recorded; null where rows are left.
 */
function end(
  { tenantTables, clock }: PurgeAccess,
  rows: WorkspaceRows,
  workspaceId: string,
  record: PurgeRecord,
  deleted: Record<string, number>,
): Promise<Record<string, number> | null> {
  const tables = purgedTables(tenantTables);
  const state = tables.at(-1);
  if (state?.model !== "WorkspaceState") throw new Error("The workspace's state is not the last table of a purge");
  return rows.transaction(async (tx) => {
    await tx.lock();
    if (sum(await countAll(tx, tables.slice(0, -1))) > 0) return null;
    // Another one that went on beside this one may have come to the end.
    const last = await findLastPurge(tx, tenantTables);
    if (last?.isDone) return last.record.deleted ?? last.record.found;
    const states = await tx.deleteSome(state, 1);
    const left = await countAll(tx, tables);
    const total = atLeast(record.found, { ...deleted, [state.name]: states, job: await tx.deleteJobs() });
    await recordDone(tx, tenantTables, workspaceId, clock.now(), { ...record, deleted: total, left });
    return total;
  });
}

async function countAll(tx: Pick<RowWriter, "count">, tables: readonly TenantTable[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of tables) counts[table.name] = await tx.count(table);
  return counts;
}

/** A purge that carries on has not itself deleted what was found at its beginning; one that was met by late rows has deleted more. */
function atLeast(found: Record<string, number>, deleted: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(deleted).map(([table, count]) => [table, Math.max(count, found[table] ?? 0)]));
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function directoryOf({ exportDirectory }: PurgeAccess): string {
  if (exportDirectory !== undefined) return exportDirectory;
  throw new AppError("CONFLICT", "An export was asked for, and EXPORT_DIR is not set: nothing of the workspace was purged");
}
