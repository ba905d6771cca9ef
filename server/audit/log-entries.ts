import type { ExportEntry } from "../../client-sdk/src/audit/index.ts";
import type { AuditEventRow, AuditLeafRow } from "../db/audit-log.ts";
import type { WorkspaceDb } from "../db/workspace-db.ts";
import { toAuditLeaf } from "./sealed-leaf.ts";

/** One place of the log as the tables have it. */
export type LogPlace = Extract<ExportEntry, { kind: "event" | "missing" }>;

/**
 * The places `from` to `to` of a log, at most `take`, each with its event as it is now. Leaves are read before events,
 * so an event that is not found was there when it was sealed.
 */
export async function readPlaces(
  db: Pick<WorkspaceDb, "auditLog">,
  range: { from: number; to: number; take: number },
): Promise<LogPlace[]> {
  const leaves = await db.auditLog.leaves(range);
  const events = await db.auditLog.events(leaves.map(({ eventId }) => eventId));
  const byId = new Map(events.map((event) => [event.id, event]));
  return leaves.map((leaf) => toPlace(leaf, byId.get(leaf.eventId)));
}

function toPlace({ seq, leafHash }: AuditLeafRow, event: AuditEventRow | undefined): LogPlace {
  return event ? { kind: "event", seq, leafHash, leaf: toAuditLeaf(event) } : { kind: "missing", seq, leafHash };
}
