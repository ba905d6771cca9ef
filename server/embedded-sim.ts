import { join } from "node:path";
import pg from "pg";
import { type DemoSeed, seedDemo } from "../prisma/seed.ts";
import { DATA_DIR } from "./data-dir.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./db/embedded.ts";
import { type EmbeddedSecrets, loadOrCreateSecrets } from "./db/embedded-secrets.ts";
import { migrate } from "./db/migrate.ts";

const DATABASE = "sim";
const OWNER_ROLE = "sim_owner";
const APP_ROLE = "parlant_app";

/** A Sim of our own, for a machine on which nothing is configured: its database, its secrets and a demo in it. */
export interface EmbeddedSim {
  databaseUrl: string;
  secrets: EmbeddedSecrets;
  demo: DemoSeed;
  stop(): Promise<void>;
}

/**
 * Starts the embedded database, made ready: Sim's tables, our migrations, the ordinary roles that own and use them, the
 * demo. What is there already stays.
 *
 * @throws Error where another server uses the data directory
 */
export async function startEmbeddedSim(log: (line: string) => void, dataDir = DATA_DIR): Promise<EmbeddedSim> {
  const secrets = await loadOrCreateSecrets(dataDir);
  const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir), log });
  try {
    await prepareRolesAndDatabase(postgres, secrets);
    const ownerUrl = urlAs(postgres, OWNER_ROLE, secrets.ownerRolePassword);
    await migrate({ url: ownerUrl, appRole: { name: APP_ROLE, create: false }, withSimTables: await isEmpty(ownerUrl), log });
    const demo = await withClient(ownerUrl, (owner) => seedDemo(owner, secrets));
    return { databaseUrl: urlAs(postgres, APP_ROLE, secrets.appRolePassword), secrets, demo, stop: postgres.stop };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function prepareRolesAndDatabase(postgres: EmbeddedPostgres, secrets: EmbeddedSecrets): Promise<void> {
  await withClient(postgres.superuserUrl("postgres"), async (superuser) => {
    for (const [role, password] of [
      [OWNER_ROLE, secrets.ownerRolePassword],
      [APP_ROLE, secrets.appRolePassword],
    ] as const) {
      const { rows } = await superuser.query("select from pg_roles where rolname = $1", [role]);
      const verb = rows.length === 0 ? "create" : "alter";
      await superuser.query(`${verb} role ${role} login nosuperuser nobypassrls password ${pg.escapeLiteral(password)}`);
    }
    const { rows } = await superuser.query("select from pg_database where datname = $1", [DATABASE]);
    if (rows.length === 0) await superuser.query(`create database ${DATABASE} owner ${OWNER_ROLE}`);
  });
}

async function isEmpty(ownerUrl: string): Promise<boolean> {
  return withClient(ownerUrl, async (owner) => {
    const { rows } = await owner.query<{ is_absent: boolean }>("select to_regclass('public.workspace') is null as is_absent");
    return rows[0]?.is_absent === true;
  });
}

async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function urlAs(postgres: EmbeddedPostgres, role: string, password: string): string {
  return `postgresql://${role}:${password}@127.0.0.1:${postgres.port}/${DATABASE}`;
}
