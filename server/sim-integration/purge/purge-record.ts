import { PURGE_STARTED, PURGED, readClearContent, toClearContent } from "../../audit/clear-content.ts";
import type { TenantTable } from "../../db/tenant-tables.ts";
import type { RowReader, RowWriter } from "../../db/workspace-rows.ts";
import { newId } from "../../shared/ids.ts";
import type { JsonValue } from "../../shared/json.ts";

/** What a purge is recorded with, in the clear: it is read when the workspace's keys are gone. */
export interface PurgeRecord {
  /** When Sim archived the workspace, as Sim says it; null where Sim no longer has it. A purge carries on one of the same alone. */
  archivedAt: string | null;
  /** By table, the rows that there were when it began. */
  found: Record<string, number>;
  /** By table, the rows that went, once the purge is done. */
  deleted?: Record<string, number>;
  export: { sha256: string } | null;
}

/** Where a workspace's last purge has come to; null where there was none. */
export async function findLastPurge(
  reader: Pick<RowReader, "newest">,
  tables: readonly TenantTable[],
): Promise<{ isDone: boolean; record: PurgeRecord } | null> {
  const row = await reader.newest(auditTable(tables), "action", [PURGE_STARTED, PURGED]);
  if (row === null) return null;
  const { action, after } = JSON.parse(row) as { action: string; after: string };
  const record = readClearContent(Buffer.from(after.slice("\\x".length), "hex"));
  if (!record) throw new Error("What the last purge recorded cannot be read");
  return { isDone: action === PURGED, record: record as unknown as PurgeRecord };
}

type Recorder = Pick<RowWriter, "insert">;

export function recordStart(
  tx: Recorder,
  tables: readonly TenantTable[],
  workspaceId: string,
  nowMs: number,
  record: PurgeRecord,
) {
  return insertEvent(tx, tables, { workspaceId, nowMs, action: PURGE_STARTED, content: { ...record } });
}

/** The counts of what is left stand in it as they were read in the same transaction. */
export function recordDone(
  tx: Recorder,
  tables: readonly TenantTable[],
  workspaceId: string,
  nowMs: number,
  record: PurgeRecord & { left: Record<string, number> },
) {
  return insertEvent(tx, tables, { workspaceId, nowMs, action: PURGED, content: { ...record, keys: "destroyed" } });
}

interface ClearEvent {
  workspaceId: string;
  nowMs: number;
  action: string;
  content: { [name: string]: JsonValue };
}

async function insertEvent(tx: Recorder, tables: readonly TenantTable[], { workspaceId, nowMs, action, content }: ClearEvent) {
  const event = {
    workspace_id: workspaceId,
    id: newId(nowMs),
    occurred_at: new Date(nowMs).toISOString(),
    action,
    outcome: "success",
    actor_kind: "system",
    target_kind: "workspace",
    target_id: workspaceId,
    after: `\\x${toClearContent(content).toString("hex")}`,
  };
  await tx.insert(auditTable(tables), [JSON.stringify(event)], { columns: Object.keys(event) });
}

function auditTable(tables: readonly TenantTable[]): TenantTable {
  const table = tables.find(({ model }) => model === "AuditEvent");
  if (!table) throw new Error("There is no table of audit events");
  return table;
}
