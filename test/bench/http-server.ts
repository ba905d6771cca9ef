import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import pg from "pg";
import { createApp } from "../../server/app.ts";
import { createDependencies } from "../../server/dependencies.ts";
import { createLogger } from "../../server/shared/logger.ts";
import { testEnv } from "../support/services.ts";

/** The server that is measured and the bare minimum beside it, in one process: started by bench-http, ended by its signal. */
const [databaseUrl, workspaceId] = process.argv.slice(2);
if (!databaseUrl || !workspaceId) throw new Error("usage: http-server.ts <database url> <workspace id>");

const env = testEnv(databaseUrl, { DB_POOL_SIZE: "16", DB_MAX_OVERFLOW: "0", RATE_LIMIT_PER_MINUTE: "0", LOG_LEVEL: "warn" });
const log = createLogger(env.LOG_LEVEL);
const dependencies = await createDependencies(env, log);
const app = await createApp({
  services: dependencies.services,
  basePath: "",
  allowedOrigins: new Set(),
  trustedProxies: [],
  rateLimitPerMinute: env.RATE_LIMIT_PER_MINUTE,
  checkReadiness: async () => ({ ready: true, checks: {} }),
  metrics: { registry: dependencies.metrics, token: undefined },
  log,
});

// The bare minimum: one prepared query of the same columns and rows. It connects as the superuser whose URL the
// environment holds: without a workspace the application's role would find no row.
const pool = new pg.Pool({ connectionString: process.env["BENCH_SUPERUSER_URL"], max: 16 });
const bare = Fastify();
bare.get("/agents", async () => {
  const { rows } = await pool.query({
    name: "agents",
    text: `select * from parlant.parlant_agent where workspace_id = $1 and deleted_at is null
      order by created_at desc, id desc limit 20`,
    values: [workspaceId],
  });
  return { data: rows, nextCursor: null };
});

await app.listen({ host: "127.0.0.1", port: 0 });
await bare.listen({ host: "127.0.0.1", port: 0 });
const portOf = (server: { address(): AddressInfo | string | null }) => (server.address() as AddressInfo).port;
process.send?.({ app: portOf(app.server), bare: portOf(bare.server) });

// The parent's end, however it comes, ends this process too.
process.once("disconnect", () => process.exit(0));
