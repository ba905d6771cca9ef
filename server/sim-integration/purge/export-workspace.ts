import { createHash } from "node:crypto";
import { readClearContent } from "../../audit/clear-content.ts";
import { decryptContent } from "../../audit/content-cipher.ts";
import type { Binding } from "../../db/binding.ts";
import { systemBinding } from "../../db/system-binding.ts";
import type { TenantTable } from "../../db/tenant-tables.ts";
import type { WorkspaceDb } from "../../db/workspace-db.ts";
import type { RowJson, RowReader, WorkspaceRows } from "../../db/workspace-rows.ts";
import type { BoundaryKeys } from "../../isolation/boundary.ts";
import { boundaryProblem } from "../../isolation/boundary-problem.ts";
import type { KeyRing } from "../../isolation/key-ring.ts";
import { readBoundaryKeys } from "../../isolation/workspace-keys.ts";
import type { Clock } from "../../shared/clock.ts";
import type { JsonValue } from "../../shared/json.ts";
import { writeExportFile } from "./export-file.ts";
import { EXPORT_FORMAT, EXPORT_VERSION, type ExportHeader, formatRowLine } from "./export-format.ts";
import { exportedColumns, signedKindOf } from "./purge-plan.ts";

/** What reads and writes workspaces as a whole. */
export interface WholeWorkspaceAccess {
  openRows(binding: Binding): WorkspaceRows;
  openWorkspace(binding: Binding): WorkspaceDb;
  tenantTables: readonly TenantTable[];
  /** Newest first. */
  rootSecrets: readonly string[];
  clock: Clock;
}

export interface StoredExport {
  file: string;
  /** Of every byte before the manifest, as the manifest has it. */
  sha256: string;
  /** By table. */
  rows: Record<string, number>;
}

/** A batch is held in memory; rows are of a few hundred kilobytes at most. */
const ROWS_PER_PAGE = 100;

/**
 * Every row of the workspace in every tenant table is in a file of its own in the directory, softly deleted ones too: NDJSON
 * of a header, the rows as PostgreSQL writes them, and a manifest. Left out is what a workspace's keys are made of or were
 * made with; what the audit trail keeps encrypted stands in the clear, where its key is still there. It is one batch at a
 * time, so that what is changed meanwhile may be there as it was or as it is.
 */
export async function exportWorkspace(
  access: WholeWorkspaceAccess,
  workspaceId: string,
  directory: string,
): Promise<StoredExport> {
  const at = new Date(access.clock.now());
  const digest = createHash("sha256");
  const rows: Record<string, number> = {};
  let sha256 = "";
  async function* lines(): AsyncGenerator<string> {
    for await (const line of exportLines(access, workspaceId, at, rows)) {
      digest.update(line);
      yield line;
    }
    sha256 = digest.digest("hex");
    yield `${JSON.stringify({ rows, sha256 })}\n`;
  }
  const file = await writeExportFile(directory, { workspaceId, at }, lines());
  return { file, sha256, rows };
}

async function* exportLines(
  { openRows, openWorkspace, tenantTables, rootSecrets }: WholeWorkspaceAccess,
  workspaceId: string,
  at: Date,
  counts: Record<string, number>,
): AsyncGenerator<string> {
  const binding = systemBinding(workspaceId, "workspace.export");
  const reader = openRows(binding);
  const keys = await readBoundaryKeys(rootSecrets, openWorkspace(binding));
  const tables = Object.fromEntries(tenantTables.map((table) => [table.name, exportedColumns(table)]));
  const header: ExportHeader = {
    format: EXPORT_FORMAT,
    version: EXPORT_VERSION,
    workspaceId,
    exportedAt: at.toISOString(),
    tables,
  };
  yield `${JSON.stringify(header)}\n`;
  for (const table of tenantTables) {
    let count = 0;
    for (let after: string | null = null; ; ) {
      const page: string[] = await reader.page(table, { columns: exportedColumns(table), after, take: ROWS_PER_PAGE });
      const unauthentic = await findUnauthentic(reader, table, { workspaceId, keys, after, take: ROWS_PER_PAGE });
      yield page
        .map((row) => (table.model === "AuditEvent" ? readContents(row, keys?.audit ?? null) : row))
        .map((row) => formatRowLine({ table: table.name, row, isUnauthentic: unauthentic?.(row) ?? false }))
        .join("");
      count += page.length;
      after = page.at(-1) ?? null;
      if (page.length < ROWS_PER_PAGE || table.key.length === 0) break;
    }
    counts[table.name] = count;
  }
}

/** Tells of the rows of a page those of which the boundary does not say that they were made in the workspace. */
async function findUnauthentic(
  reader: RowReader,
  table: TenantTable,
  { workspaceId, keys, after, take }: { workspaceId: string; keys: BoundaryKeys | null; after: RowJson | null; take: number },
): Promise<((row: RowJson) => boolean) | null> {
  const kind = signedKindOf(table);
  if (!kind) return null;
  const columns = ["id", "created_at", "boundary", "boundary_key_version"];
  const authentic = new Set<string>();
  for (const row of await reader.page(table, { columns, after, take })) {
    const { id, created_at, boundary, boundary_key_version } = JSON.parse(row) as SignedColumns;
    const signed = { id, createdAt: new Date(created_at), boundary, boundaryKeyVersion: boundary_key_version };
    if (keys && boundaryProblem(kind, workspaceId, keys, signed) === null) authentic.add(id);
  }
  return (row) => !authentic.has((JSON.parse(row) as SignedColumns).id);
}

interface SignedColumns {
  id: string;
  created_at: string;
  boundary: string;
  boundary_key_version: number;
}

/** The event with its contents in the clear, for those whose they are; one whose key is gone stays as it is stored. */
function readContents(row: string, keys: KeyRing | null): string {
  const event = JSON.parse(row) as { [column: string]: JsonValue } & { workspace_id: string; id: string };
  for (const field of ["before", "after"] as const) {
    const stored = event[field];
    if (typeof stored !== "string") continue;
    const bytes = Buffer.from(stored.slice("\\x".length), "hex");
    const place = { workspaceId: event.workspace_id, eventId: event.id, field };
    event[field] = readClearContent(bytes) ?? (keys && decryptContent(keys, place, bytes)) ?? stored;
  }
  return JSON.stringify(event);
}
