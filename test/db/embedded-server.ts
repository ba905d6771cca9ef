import { startEmbeddedPostgres } from "../../server/db/embedded.ts";

// A process of its own with an embedded PostgreSQL, so that a test can kill it. Prints its URL; SIGTERM stops it.
const dataDir = process.argv[2] ?? "";
try {
  const server = await startEmbeddedPostgres({ dataDir, log: () => {} });
  process.once("SIGTERM", () => void server.stop());
  console.log(JSON.stringify({ url: server.superuserUrl("postgres") }));
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
}
