import { decryptContent } from "../../server/audit/content-cipher.ts";
import { deriveBoundaryKeys } from "../../server/isolation/boundary.ts";
import { withConnection } from "./connection.ts";
import type { TestDatabase } from "./database.ts";
import { testEnv } from "./services.ts";

/** An event as it lies in the database, with its content read. */
export interface StoredEvent {
  id: string;
  action: string;
  outcome: string;
  reason_code: string | null;
  rule: string | null;
  actor_kind: string;
  actor_id: string | null;
  on_behalf_of: string | null;
  method: string | null;
  target_kind: string | null;
  target_id: string | null;
  ip_address: string | null;
  request_id: string | null;
  before: unknown;
  after: unknown;
}

/** All of a workspace's audit trail, oldest first, past row-level security. */
export function readTrail(database: TestDatabase, workspaceId: string): Promise<StoredEvent[]> {
  return withConnection(database.superuserUrl, async (admin) => {
    const { rows } = await admin.query("select * from parlant.parlant_audit_event where workspace_id = $1 order by id", [
      workspaceId,
    ]);
    const state = await admin.query("select key_salt from parlant.parlant_workspace_state where workspace_id = $1", [
      workspaceId,
    ]);
    const salt: Buffer | undefined = state.rows[0]?.key_salt;
    const keys = salt && deriveBoundaryKeys(testEnv("postgresql://unused").ISOLATION_SECRET, salt).audit;
    const read = (eventId: string, field: "before" | "after", stored: Buffer | null) =>
      stored && keys ? decryptContent(keys, { workspaceId, eventId, field }, stored) : null;
    return rows.map((row) => ({
      ...row,
      before: read(row.id, "before", row.before),
      after: read(row.id, "after", row.after),
    }));
  });
}
