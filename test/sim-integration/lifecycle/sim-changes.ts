import type pg from "pg";
import { applyEvent } from "../../../server/sim-integration/lifecycle/apply-event.ts";
import type { LifecycleContext } from "../../../server/sim-integration/lifecycle/lifecycle-context.ts";
import type { SimEvent, SimEventType } from "../../../server/sim-integration/sim-event.ts";
import { withConnection } from "../../support/connection.ts";
import type { TestDatabase } from "../../support/database.ts";

/** An event as Sim would tell it now. */
export function simEvent(type: SimEventType, workspaceId: string, more: Partial<SimEvent> = {}): SimEvent {
  return {
    ...{ type, workspaceId, occurredAt: new Date(), triggeredBy: "someone", userIds: [] },
    deletion: { mode: "archive", isExportAsked: false },
    ...more,
  };
}

/** What Sim does to its own tables, without a word to anyone. */
export function simOn(owner: pg.Client) {
  const sql = (text: string, ...values: unknown[]) => owner.query(text, values);
  return {
    archive: (id: string, at = new Date()) => sql("update workspace set archived_at = $2 where id = $1", id, at.toISOString()),
    restore: (id: string) => sql("update workspace set archived_at = null where id = $1", id),
    remove: (id: string) => sql("delete from workspace where id = $1", id),
    rename: (id: string, name: string) => sql("update workspace set name = $2 where id = $1", id, name),
    transfer: (id: string, userId: string) => sql("update workspace set owner_id = $2 where id = $1", id, userId),
    removeMember: (id: string, userId: string) =>
      sql("delete from permissions where entity_type = 'workspace' and entity_id = $1 and user_id = $2", id, userId),
  };
}

export function applierOf(lifecycle: LifecycleContext) {
  return (type: SimEventType, workspaceId: string, more: Partial<SimEvent> = {}) =>
    applyEvent(lifecycle, simEvent(type, workspaceId, more));
}

export interface KeptAgent {
  name: string;
  status: string;
  reason: string | null;
  before: string | null;
}

/** A workspace's agents past the server, deleted ones too, by name. */
export async function keptAgents(database: TestDatabase, workspaceId: string): Promise<KeptAgent[]> {
  return await withConnection(database.superuserUrl, async (admin) => {
    const { rows } = await admin.query<KeptAgent>(
      `select name, status::text, archive_reason::text as reason, status_before_archive::text as before
       from parlant.parlant_agent where workspace_id = $1 order by name`,
      [workspaceId],
    );
    return rows;
  });
}

/** A workspace's state past the server; undefined where it has none. */
export async function keptState(database: TestDatabase, workspaceId: string): Promise<Record<string, unknown> | undefined> {
  return await withConnection(database.superuserUrl, async (admin) => {
    const { rows } = await admin.query("select * from parlant.parlant_workspace_state where workspace_id = $1", [workspaceId]);
    return rows[0];
  });
}

/** Every row of ours of a workspace, to see that nothing of it changes. */
export async function everythingOf(database: TestDatabase, workspaceId: string): Promise<unknown> {
  return await withConnection(database.superuserUrl, async (admin) => {
    const tables = ["agent", "agent_grant", "workspace_state", "audit_event", "idempotency_key"];
    const all = [];
    for (const table of tables) {
      const { rows } = await admin.query(
        `select to_jsonb(t) as row from parlant.parlant_${table} t where workspace_id = $1 order by t::text`,
        [workspaceId],
      );
      all.push(rows);
    }
    return all;
  });
}
