import type pg from "pg";
import type { Checkpoint } from "../../client-sdk/src/audit/index.ts";
import type { SignedStates } from "../../server/audit/signed-states.ts";
import type { Dependencies } from "../../server/dependencies.ts";
import { withConnection } from "../support/connection.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

/** A server's parts with workspaces whose audit logs are filled and bent. */
export interface LogFixture {
  database: TestDatabase;
  dependencies: Dependencies;
  /** A workspace whose log has so many sealed events, under a checkpoint for each `perCheckpoint` of them. */
  makeLog(events: number, perCheckpoint?: number): Promise<TestWorkspace>;
  /** So many more events, which nobody has sealed. */
  change(workspace: TestWorkspace, events: number): Promise<void>;
  audit(
    workspace: TestWorkspace,
    user?: { headers: Record<string, string> },
    server?: Dependencies,
  ): ReturnType<typeof callerWith>["workspaces"]["audit"];
  /** Does to the tables what only their owner or a superuser can. */
  bend(text: string, values?: unknown[]): Promise<pg.QueryResult>;
  /** The id of the event at a place of the log. */
  eventAt(workspace: TestWorkspace, seq: number): Promise<string>;
  stop(): Promise<void>;
}

export async function startLogFixture(overrides: Record<string, string> = {}): Promise<LogFixture> {
  const database = await createTestDatabase();
  const dependencies = await createTestDependencies(database.appUrl, overrides);
  const bend: LogFixture["bend"] = (text, values) => withConnection(database.superuserUrl, (admin) => admin.query(text, values));
  const change: LogFixture["change"] = async (workspace, events) => {
    const agents = callerWith(dependencies, workspace.writer.headers).workspaces.agents;
    for (let index = 0; index < events; index++) {
      await agents.create({ workspaceId: workspace.id, name: `Agent ${index} ${Math.random()}` });
    }
  };
  return {
    database,
    dependencies,
    bend,
    change,
    async makeLog(events, perCheckpoint = events) {
      const workspace = await makeStaffedWorkspace(database.owner);
      for (let made = 0; made < events; made += perCheckpoint) {
        await change(workspace, Math.min(perCheckpoint, events - made));
        await dependencies.sealer.seal(workspace.id);
      }
      return workspace;
    },
    audit: (workspace, user = workspace.admin, server = dependencies) => callerWith(server, user.headers).workspaces.audit,
    async eventAt({ id }, seq) {
      const { rows } = await bend("select event_id from parlant.parlant_audit_leaf where workspace_id = $1 and seq = $2", [
        id,
        seq,
      ]);
      return rows[0]?.event_id;
    },
    async stop() {
      await dependencies.close();
      await database.drop();
    },
  };
}

/** What a process knows that was never here. */
export function forgetfulStates(): SignedStates {
  const states = new Map<string, Checkpoint>();
  return {
    get: (id) => states.get(id),
    workspaceIds: () => [...states.keys()],
    note: (id, checkpoint) => states.set(id, checkpoint),
    close() {},
  };
}
