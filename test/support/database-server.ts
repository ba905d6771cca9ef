import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../../server/db/embedded.ts";

/** A PostgreSQL server for one run of the tests. */
export interface DatabaseServer {
  /** Of a role that may create databases and roles. */
  adminUrl: string;
  stop(): Promise<void>;
}

const KINDS = ["embedded", "testcontainers"];
// Nothing here outlives the run, so nothing is lost without fsync.
const SETTINGS = { fsync: "off", max_connections: "300" };

/**
 * The server that the environment names: TEST_DATABASE_URL, or TEST_DATABASE=testcontainers (with the image
 * TEST_POSTGRES_IMAGE), or by default the embedded one, with its data in a temporary directory.
 */
export async function startDatabaseServer(env: Record<string, string | undefined>): Promise<DatabaseServer> {
  const kind = env["TEST_DATABASE"] ?? "embedded";
  if (env["TEST_DATABASE_URL"]) return { adminUrl: env["TEST_DATABASE_URL"], stop: async () => {} };
  if (kind === "testcontainers") return startContainer(env["TEST_POSTGRES_IMAGE"] ?? "postgres:17-alpine");
  if (kind === "embedded") return startEmbedded();
  throw new Error(`Unknown TEST_DATABASE "${kind}"; expected one of ${KINDS.join(", ")}, or a TEST_DATABASE_URL`);
}

async function startEmbedded(): Promise<DatabaseServer> {
  const dataDir = await mkdtemp(join(tmpdir(), "parlant-test-"));
  const server = await startEmbeddedPostgres({ dataDir, settings: SETTINGS, log: () => {} });
  return {
    adminUrl: server.superuserUrl("postgres"),
    async stop() {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function startContainer(image: string): Promise<DatabaseServer> {
  const { PostgreSqlContainer } = await import("@testcontainers/postgresql");
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const container = await new PostgreSqlContainer(image)
    // Not the package's own, "test": tests look for the password in output that must not have it.
    .withPassword(randomBytes(16).toString("hex"))
    .withCommand(["postgres", ...settings])
    .start();
  return {
    adminUrl: container.getConnectionUri(),
    async stop() {
      await container.stop();
    },
  };
}
