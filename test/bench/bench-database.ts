import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import pg from "pg";
import { deriveBoundaryKeys, signBoundary } from "../../server/isolation/boundary.ts";
import { newId } from "../../server/shared/ids.ts";
import { startDatabaseServer } from "../support/database-server.ts";
import { TEST_BETTER_AUTH_SECRET, testEnv } from "../support/services.ts";
import { createTemplate, dropTemplate, urlAs } from "../support/template.ts";

/** A database as a mid-sized Sim has it, with one workspace that is measured. */
export interface BenchDatabase {
  appUrl: string;
  superuserUrl: string;
  workspaceId: string;
  userId: string;
  sessionId: string;
  /** The SHA-256 of the session's token, in hex. */
  proof: string;
  /** As a client sends it. */
  bearer: string;
  stop(): Promise<void>;
}

const USERS = 20_000;
const WORKSPACES = 20_000;
const PERMISSIONS_PER_USER = 10;
const OTHER_WORKSPACES_WITH_AGENTS = 500;
const AGENTS_PER_WORKSPACE = 100;

/** Starts a server of its own and fills it: 20,000 users, 200,000 permission rows, 50,000 agents elsewhere, 100 here. */
export async function startBenchDatabase(): Promise<BenchDatabase> {
  const server = await startDatabaseServer(process.env);
  const template = await createTemplate(server.adminUrl);
  const database = `${template.prefix}_bench`;
  await withClient(template.adminUrl, (admin) =>
    admin.query(`create database ${database} template ${template.database} owner ${template.owner.name}`),
  );
  const superuserUrl = urlAs(template, undefined, database);
  const workspaceId = "workspace-1";
  const userId = "user-1";
  const token = randomBytes(24).toString("base64url");
  const sessionId = randomUUID();
  await withClient(superuserUrl, async (client) => {
    await fillSim(client);
    await client.query(
      `insert into session (id, user_id, token, expires_at, created_at, updated_at)
       values ($1, $2, $3, now() + interval '30 days', now(), now())`,
      [sessionId, userId, token],
    );
    await fillAgents(client, workspaceId, userId);
    await client.query("vacuum analyze");
  });
  return {
    appUrl: urlAs(template, template.app, database),
    superuserUrl,
    workspaceId,
    userId,
    sessionId,
    proof: createHash("sha256").update(token).digest("hex"),
    bearer: `Bearer ${token}.${createHmac("sha256", TEST_BETTER_AUTH_SECRET).update(token).digest("base64")}`,
    async stop() {
      await dropTemplate(template);
      await server.stop();
    },
  };
}

async function fillSim(client: pg.Client): Promise<void> {
  await client.query(
    `insert into "user" (id, name, email, email_verified, created_at, updated_at)
     select 'user-' || n, 'User ' || n, 'user-' || n || '@bench.test', true, now(), now() from generate_series(1, $1) n`,
    [USERS],
  );
  await client.query(
    `insert into workspace (id, name, owner_id, billed_account_user_id)
     select 'workspace-' || n, 'Workspace ' || n, 'user-' || n, 'user-' || n from generate_series(1, $1) n`,
    [WORKSPACES],
  );
  await client.query(
    `insert into permissions (id, user_id, entity_type, entity_id, permission_type)
     select 'p-' || n || '-' || k, 'user-' || n, 'workspace', 'workspace-' || (1 + (n - 1 + k * 97) % $1), 'write'
     from generate_series(1, $2) n, generate_series(0, $3 - 1) k`,
    [WORKSPACES, USERS, PERMISSIONS_PER_USER],
  );
}

async function fillAgents(client: pg.Client, workspaceId: string, userId: string): Promise<void> {
  const salt = Buffer.alloc(32, 7);
  await client.query(
    `insert into parlant.parlant_workspace_state (workspace_id, key_salt) select 'workspace-' || n, $1 from generate_series(1, $2) n`,
    [salt, OTHER_WORKSPACES_WITH_AGENTS + 1],
  );
  const columns = `workspace_id, id, name, name_key, description, tags, metadata, created_by, boundary, boundary_key_version, created_at, updated_at`;
  await client.query(
    `insert into parlant.parlant_agent (${columns})
     select 'workspace-' || (w + 1), gen_random_uuid(), 'Agent ' || a, 'agent ' || a, 'An agent of another workspace', '{bench}', '{}',
       'user-2', 'none', 1, now(), now()
     from generate_series(1, $1) w, generate_series(1, $2) a`,
    [OTHER_WORKSPACES_WITH_AGENTS, AGENTS_PER_WORKSPACE],
  );
  const keys = deriveBoundaryKeys(testEnv("postgresql://unused").ISOLATION_SECRET, salt);
  for (let index = 0; index < AGENTS_PER_WORKSPACE; index++) {
    const createdAt = new Date(Date.now() - index * 1_000);
    const id = newId(createdAt.getTime());
    const { boundary, boundaryKeyVersion } = signBoundary(keys, { kind: "agent", workspaceId, id, createdAt });
    await client.query(
      `insert into parlant.parlant_agent (${columns}) values ($1,$2,$3,$4,$5,'{bench}','{"team":"support"}',$6,$7,$8,$9,$9)`,
      [
        workspaceId,
        id,
        `Agent ${index}`,
        `agent ${index}`,
        "Answers questions about orders and refunds.",
        userId,
        boundary,
        boundaryKeyVersion,
        createdAt,
      ],
    );
  }
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url, options: "-c TimeZone=UTC" });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
