import type pg from "pg";
import { type Database, openDatabase } from "../../../server/db/client.ts";
import type { WorkspaceDb } from "../../../server/db/workspace-db.ts";
import { connectInUtc, createTestDatabase, makeUser, makeWorkspace, type TestDatabase } from "../../support/database.ts";

/** Values that rows of every workspace share, so that nothing but the workspace tells them apart. */
export const IDS = [1, 2, 3, 4].map((n) => `01890000-0000-7000-8000-00000000000${n}`);
export const USERS = ["u1", "u2", "u3"];
export const NAMES = ["alpha", "beta", "gamma"];
export const KEYS = ["k1", "k2"];
export const ME = "a";
const OTHERS = ["b", "c"];
const TIME = "2026-01-01T00:00:00Z";

/** A database of the experiment: with the other workspaces in it, or with ours alone. */
export interface World {
  db: WorkspaceDb;
  /** Puts every row back to where each run begins. */
  reset(): Promise<void>;
  /** All that lies in other workspaces, as one text. */
  others(): Promise<string>;
  close(): Promise<void>;
}

export interface Layers {
  isExtensionOn: boolean;
  isRowLevelSecurityOn: boolean;
}

export async function makeWorld(workspaces: "all" | "mine", layers: Layers): Promise<World> {
  const database = await createTestDatabase();
  const user = await makeUser(database.owner, { id: "owner" });
  const ids = workspaces === "all" ? [ME, ...OTHERS] : [ME];
  for (const id of ids) await makeWorkspace(database.owner, { id, ownerId: user.id });
  const superuser = await connectInUtc(database.superuserUrl);
  const client = openWorld(database, layers);
  return {
    db: client.openWorkspace(binding(layers), { isExtensionOn: layers.isExtensionOn }),
    reset: () => fill(superuser, ids),
    others: () => digest(superuser),
    async close() {
      await client.close();
      await superuser.end();
      await database.drop();
    },
  };
}

/** A superuser passes row-level security: so it is switched off without a change to the schema. */
function openWorld(database: TestDatabase, { isRowLevelSecurityOn }: Layers): Database {
  const url = isRowLevelSecurityOn ? database.appUrl : database.superuserUrl;
  return openDatabase({ url, poolSize: 2, maxOverflow: 0, poolTimeoutSeconds: 10, onError() {} });
}

function binding({ isRowLevelSecurityOn }: Layers) {
  const prelude = isRowLevelSecurityOn
    ? { name: "system", text: "select parlant.parlant_enter_system($1, $2)", values: [ME, "test"] }
    : { name: "nothing", text: "select 1", values: [] };
  return { workspaceId: ME, prelude };
}

async function fill(superuser: pg.Client, workspaceIds: readonly string[]): Promise<void> {
  await superuser.query(`truncate parlant.parlant_workspace_state, parlant.parlant_agent, parlant.parlant_agent_grant,
    parlant.parlant_idempotency_key, parlant.parlant_audit_event cascade`);
  for (const [place, id] of workspaceIds.entries()) {
    await superuser.query(
      `insert into parlant.parlant_workspace_state (workspace_id, key_salt, created_at, updated_at) values ($1, $2, $3, $3)`,
      [id, Buffer.alloc(32, place), TIME],
    );
    // Another workspace has more, so that a count, an order or an average that saw it would differ.
    for (const [index, agentId] of IDS.slice(0, place === 0 ? 2 : 4).entries()) {
      await superuser.query(
        `insert into parlant.parlant_agent (workspace_id, id, name, name_key, description, boundary, boundary_key_version, max_tokens, created_at, updated_at)
         values ($1, $2, $3::text, $3, $4, 'x', 1, $5, $6, $6)`,
        [id, agentId, `${NAMES[index % 3]}${index > 2 ? index : ""}`, `of ${id}`, 100 * (place + 1) + index, TIME],
      );
      for (const userId of USERS.slice(0, index + place)) {
        await superuser.query(
          `insert into parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, granted_by, created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $6)`,
          [id, agentId, userId, place === 0 ? "view" : "manage", `of ${id}`, TIME],
        );
      }
    }
    await superuser.query(
      `insert into parlant.parlant_idempotency_key (workspace_id, principal, key, procedure, request_hash, response, created_at)
       values ($1, 'p', 'k1', 'x', $1, '{}', $2)`,
      [id, TIME],
    );
  }
}

async function digest(superuser: pg.Client): Promise<string> {
  const tables = ["workspace_state", "agent", "agent_grant", "idempotency_key", "audit_event"];
  const { rows } = await superuser.query<{ rows: string }>(
    tables
      .map(
        (table) =>
          `select coalesce(string_agg(t::text, '\n' order by t::text), '') as rows from parlant.parlant_${table} t where workspace_id <> '${ME}'`,
      )
      .join(" union all "),
  );
  return rows.map(({ rows }) => rows).join("\n--\n");
}
