import { randomBytes } from "node:crypto";
import { encryptContent } from "../../audit/content-cipher.ts";
import type { SimFeatures } from "../../db/sim-features.ts";
import type { SimReader } from "../../db/sim-reader.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { TenantTable } from "../../db/tenant-tables.ts";
import type { RowJson, RowWriter } from "../../db/workspace-rows.ts";
import { type BoundaryKeys, deriveBoundaryKeys, type SignedKind, signBoundary } from "../../isolation/boundary.ts";
import { AppError } from "../../shared/errors.ts";
import { newId } from "../../shared/ids.ts";
import type { ExportedRow, ExportHeader } from "./export-format.ts";
import type { WholeWorkspaceAccess } from "./export-workspace.ts";
import { restoredTables, signedKindOf } from "./purge-plan.ts";
import { readExportRows, verifyExportFile } from "./read-export.ts";

export interface RestoreAccess extends Omit<WholeWorkspaceAccess, "openWorkspace"> {
  sim: SimReader;
  features: SimFeatures;
  /** Seals what the workspace's audit trail has. */
  seal(workspaceId: string): Promise<void>;
}

export interface Restored {
  /** By table. */
  rows: Record<string, number>;
  /** Of the workspace that was exported. */
  exportedFrom: string;
}

const ROWS_PER_INSERT = 200;
const SALT_BYTES = 32;

/**
 * The workspace has every row of the export's agents and of all that belongs to them, under their ids, with boundaries of
 * this workspace's own keys; it may be another one than the one that was exported. In one transaction, the event in its audit
 * log included; agents that the workspace's archive had archived come back as they were with the next look at Sim. Not brought back is what is evidence or passes: the old audit log, decisions and kept answers are read in the file.
 *
 * @throws ExportFileError where the file is damaged, not whole, or of another version; then nothing is written
 * @throws AppError CONFLICT where the workspace has rows already, or Sim does not show it as live
 */
export async function restoreWorkspace(
  access: RestoreAccess,
  { file, workspaceId }: { file: string; workspaceId: string },
): Promise<Restored> {
  const { header, manifest } = await verifyExportFile(file);
  const tables = restoredTables(access.tenantTables);
  const columnsOf = new Map(tables.map((table) => [table, restorableColumns(table, header)]));
  await assertLive(access, workspaceId);
  const rows = await access.openRows(systemBinding(workspaceId, "workspace.import")).transaction(async (tx) => {
    await tx.lock();
    for (const table of tables) {
      const count = await tx.count(table);
      if (count > 0)
        throw new AppError("CONFLICT", `The workspace has ${count} rows in ${table.name}; only an empty one is restored into`);
    }
    const keys = await makeKeys(tx, access, file);
    const counts: Record<string, number> = {};
    for (const table of tables) {
      counts[table.name] = 0;
      const columns = columnsOf.get(table) ?? [];
      const kind = signedKindOf(table);
      for await (const batch of readExportRows(file, table.name, ROWS_PER_INSERT)) {
        const signed = batch.map((one) => (kind ? sign(one, keys, workspaceId, kind) : one.row));
        await tx.insert(table, signed, { columns: kind ? [...columns, "boundary", "boundary_key_version"] : columns });
        counts[table.name] = (counts[table.name] ?? 0) + batch.length;
      }
    }
    await recordRestore(tx, access, keys, workspaceId, {
      exportedFrom: header.workspaceId,
      sha256: manifest.sha256,
      rows: counts,
    });
    return counts;
  });
  await access.seal(workspaceId);
  return { rows, exportedFrom: header.workspaceId };
}

/** What the file has of a table; of a column that this release does not know a part of the rows would be lost. */
function restorableColumns(table: TenantTable, { tables }: ExportHeader): string[] {
  const columns = tables[table.name] ?? [];
  const unknown = columns.filter((column) => !table.columns.includes(column));
  if (unknown.length === 0) return columns;
  throw new AppError(
    "CONFLICT",
    `This release's ${table.name} has no ${unknown.join(", ")}, which the file has; restore it with a newer one`,
  );
}

async function assertLive({ sim, features }: RestoreAccess, workspaceId: string): Promise<void> {
  const isArchived = features.workspaceArchivedAt ? "archived_at is not null" : "false";
  const [row] = await sim.query<{ isArchived: boolean }>({
    name: features.workspaceArchivedAt ? "restore_target" : "restore_target_without_archive",
    text: `select ${isArchived} as "isArchived" from public.workspace where id = $1`,
    values: [workspaceId],
  });
  if (!row) throw new AppError("CONFLICT", "Sim has no such workspace; make one in Sim first");
  if (row.isArchived) throw new AppError("CONFLICT", "Sim shows the workspace as archived, so that it might be purged again");
}

/**
 * The workspace's keys as they stand in this transaction, made where it has none. Its state says as the exported one did that
 * the workspace was archived: so its agents are brought back to what they were before that, as after any restore in Sim.
 */
async function makeKeys(tx: RowWriter, { tenantTables, rootSecrets }: RestoreAccess, file: string): Promise<BoundaryKeys> {
  const state = tenantTables.find(({ model }) => model === "WorkspaceState");
  if (!state) throw new Error("There is no table of workspaces' states");
  let archivedAt: string | null = null;
  for await (const [exported] of readExportRows(file, state.name, 1)) {
    archivedAt = (JSON.parse(exported?.row ?? "{}") as { archived_at?: string }).archived_at ?? null;
  }
  const row = { key_salt: `\\x${randomBytes(SALT_BYTES).toString("hex")}`, archived_at: archivedAt };
  const columns = ["workspace_id", "key_salt", "archived_at"];
  await tx.insert(state, [JSON.stringify(row)], { columns, overwrite: ["archived_at"] });
  const [kept] = await tx.page(state, { columns: ["key_salt"], after: null, take: 1 });
  const { key_salt: salt } = JSON.parse(kept ?? "{}") as { key_salt: string };
  return deriveBoundaryKeys(rootSecrets, Buffer.from(salt.slice("\\x".length), "hex"));
}

/**
 * Adds the boundary to the row's text, in which no number is read and written anew. What was not authentic in the workspace
 * that was exported is not made so by its restore.
 */
function sign({ row, isUnauthentic }: ExportedRow, keys: BoundaryKeys, workspaceId: string, kind: SignedKind): RowJson {
  const { id, created_at } = JSON.parse(row) as { id: string; created_at: string };
  const { boundary, boundaryKeyVersion } = isUnauthentic
    ? { boundary: "unauthentic", boundaryKeyVersion: 0 }
    : signBoundary(keys, { kind, workspaceId, id, createdAt: new Date(created_at) });
  return `${row.slice(0, -1)},"boundary":"${boundary}","boundary_key_version":${boundaryKeyVersion}}`;
}

async function recordRestore(
  tx: RowWriter,
  { tenantTables, clock }: RestoreAccess,
  keys: BoundaryKeys,
  workspaceId: string,
  content: { exportedFrom: string; sha256: string; rows: Record<string, number> },
): Promise<void> {
  const table = tenantTables.find(({ model }) => model === "AuditEvent");
  if (!table) throw new Error("There is no table of audit events");
  const nowMs = clock.now();
  const id = newId(nowMs);
  const after = encryptContent(keys.audit, { workspaceId, eventId: id, field: "after" }, content);
  const event = {
    workspace_id: workspaceId,
    id,
    occurred_at: new Date(nowMs).toISOString(),
    action: "workspace.import",
    outcome: "success",
    actor_kind: "system",
    target_kind: "workspace",
    target_id: workspaceId,
    after: `\\x${after.toString("hex")}`,
  };
  await tx.insert(table, [JSON.stringify(event)], { columns: Object.keys(event) });
}
