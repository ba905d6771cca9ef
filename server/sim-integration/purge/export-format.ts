import { z } from "zod";

export const EXPORT_FORMAT = "parlant-workspace-export";
/** Raised where an older release could not restore what a newer one writes. */
export const EXPORT_VERSION = 1;

/** The first line of an export: what is in it, by the names of tables and columns. */
export const ExportHeader = z.object({
  format: z.literal(EXPORT_FORMAT),
  version: z.number(),
  workspaceId: z.string(),
  exportedAt: z.string(),
  tables: z.record(z.string(), z.array(z.string())),
});
export type ExportHeader = z.output<typeof ExportHeader>;

/** The last line: how many rows of each table, and the SHA-256 of every byte before it. */
export const ExportManifest = z.object({ rows: z.record(z.string(), z.number()), sha256: z.string() });
export type ExportManifest = z.output<typeof ExportManifest>;

/** A row as an export has it. */
export interface ExportedRow {
  table: string;
  /** As PostgreSQL wrote it, so that no number of any size is read as another. */
  row: string;
  /** Whether its boundary did not say that it was made in the workspace: it was shown to nobody, and is not vouched for again. */
  isUnauthentic: boolean;
}

const MARK = ',"unauthentic":true';

export function formatRowLine({ table, row, isUnauthentic }: ExportedRow): string {
  return `{"table":${JSON.stringify(table)}${isUnauthentic ? MARK : ""},"row":${row}}\n`;
}

/** A line as formatRowLine writes it; null where it is none. */
export function parseRowLine(line: string): ExportedRow | null {
  const [, table, mark, row] = /^\{"table":"([a-z_]+)"(,"unauthentic":true)?,"row":(\{.*\})\}$/s.exec(line) ?? [];
  return table === undefined || row === undefined ? null : { table, row, isUnauthentic: mark !== undefined };
}
