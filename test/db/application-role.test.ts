import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { NOT_TENANT_TABLES } from "../../server/db/queue-tables.ts";
import { APP_TABLE_PRIVILEGES } from "../../server/db/roles.ts";
import { createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = database.owner;
});
afterAll(() => database.drop());

describe("the application role by itself", () => {
  let app: pg.Client;
  let workspaces: [a: string, b: string];
  let agents: [a: string, b: string];

  beforeAll(async () => {
    app = new pg.Client(database.appUrl);
    await app.connect();
    const user = await makeUser(owner);
    workspaces = [(await makeWorkspace(owner, { ownerId: user.id })).id, (await makeWorkspace(owner, { ownerId: user.id })).id];
    agents = [randomUUID(), randomUUID()];
    for (const [index, workspaceId] of workspaces.entries()) {
      await inWorkspace(workspaceId, async () => {
        await insertAgent(workspaceId, agents[index]);
        await app.query("INSERT INTO parlant.parlant_workspace_state (workspace_id, key_salt) VALUES ($1, $2)", [
          workspaceId,
          Buffer.alloc(32),
        ]);
        await app.query(
          `INSERT INTO parlant.parlant_audit_event (workspace_id, id, occurred_at, action, outcome, actor_kind)
           VALUES ($1, $2, now(), 'agent.create', 'success', 'session')`,
          [workspaceId, randomUUID()],
        );
      });
    }
  });
  afterAll(() => app.end());
  beforeEach(async () => {
    await app.query("ROLLBACK");
  });

  const TENANT_TABLES = Object.keys(APP_TABLE_PRIVILEGES).filter((table) => !NOT_TENANT_TABLES.includes(table));

  async function inWorkspace(workspaceId: string, work: () => Promise<unknown>): Promise<void> {
    await app.query("BEGIN");
    await app.query("SELECT parlant.parlant_enter_system($1, 'test')", [workspaceId]);
    await work();
    await app.query("COMMIT");
  }

  function insertAgent(workspaceId: string, id: string | undefined) {
    return app.query(
      `INSERT INTO parlant.parlant_agent (workspace_id, id, name, name_key, boundary, boundary_key_version, created_at, updated_at)
       VALUES ($1, $2, 'Scout', $3, '', 1, now(), now())`,
      [workspaceId, id, randomUUID()],
    );
  }

  async function workspacesSeen(table: string): Promise<string[]> {
    const { rows } = await app.query<{ workspace_id: string }>(`SELECT DISTINCT workspace_id FROM parlant.${table}`);
    return rows.map((row) => row.workspace_id);
  }

  test("sees no row of any table, on a fresh connection and on one that has been in a workspace", async () => {
    const fresh = new pg.Client(database.appUrl);
    await fresh.connect();
    const { rows } = await fresh.query("SELECT FROM parlant.parlant_agent");
    await fresh.end();
    expect(rows).toEqual([]);
    for (const table of TENANT_TABLES) expect(await workspacesSeen(table)).toEqual([]);
  });

  test("sees one workspace's rows in it and nothing of another's", async () => {
    for (const table of ["parlant_agent", "parlant_workspace_state", "parlant_audit_event"]) {
      for (const workspaceId of workspaces) {
        await inWorkspace(workspaceId, async () => expect(await workspacesSeen(table)).toEqual([workspaceId]));
      }
    }
  });

  test("cannot write into another workspace", async () => {
    const [a, b] = workspaces;
    await expect(inWorkspace(a, () => insertAgent(b, randomUUID()))).rejects.toMatchObject({ code: "42501" });
    await app.query("ROLLBACK");
    await expect(
      inWorkspace(a, () => app.query("UPDATE parlant.parlant_agent SET workspace_id = $1", [b])),
    ).rejects.toMatchObject({ code: "42501" });
    await app.query("ROLLBACK");
    await inWorkspace(a, async () => {
      const { rowCount } = await app.query("UPDATE parlant.parlant_agent SET name = 'Taken' WHERE id = $1", [agents[1]]);
      expect(rowCount).toBe(0);
    });
  });

  test("cannot refer to another workspace's agent", async () => {
    const grant = (agentId: string) =>
      app.query(
        `INSERT INTO parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, created_at, updated_at)
         VALUES ($1, $2, 'someone', 'view', now(), now())`,
        [workspaces[0], agentId],
      );
    await expect(inWorkspace(workspaces[0], () => grant(agents[1]))).rejects.toMatchObject({ code: "23503" });
    await app.query("ROLLBACK");
    await inWorkspace(workspaces[0], () => grant(agents[0]));
  });

  test.each(TENANT_TABLES)("cannot truncate %s", async (table) => {
    await expect(app.query(`TRUNCATE parlant.${table}`)).rejects.toMatchObject({ code: "42501" });
  });

  test("cannot read a partition of the audit trail past its parent", async () => {
    const { rows } = await owner.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'parlant.parlant_audit_event'::regclass",
    );
    expect(rows.length).toBeGreaterThan(24);
    for (const { name } of rows) await expect(app.query(`SELECT FROM ${name}`)).rejects.toMatchObject({ code: "42501" });
  });

  test("cannot change or remove what the audit trail says", async () => {
    await expect(app.query("UPDATE parlant.parlant_audit_event SET action = ''")).rejects.toMatchObject({ code: "42501" });
    await expect(app.query("DELETE FROM parlant.parlant_audit_event")).rejects.toMatchObject({ code: "42501" });
  });

  test("cannot enter a workspace with a decision that no longer holds", async () => {
    await app.query("BEGIN");
    const enter = app.query("SELECT parlant.parlant_enter($1, 'read', 'admin')", [workspaces[0]]);
    await expect(enter).rejects.toMatchObject({ code: "PA001" });
  });
});
