import { createDependencies } from "../../server/dependencies.ts";
import { createLogger } from "../../server/shared/logger.ts";
import { serveForParent } from "../support/serve-for-parent.ts";
import { testEnv } from "../support/services.ts";

/** Accepts webhooks; carries them out once it is told to, and tells its memory when it is asked. */
const [databaseUrl] = process.argv.slice(2);
if (!databaseUrl) throw new Error("usage: webhook-server.ts <database url>");

const log = createLogger("silent");
const env = testEnv(databaseUrl, { RATE_LIMIT_PER_MINUTE: "0", DB_POOL_SIZE: "10", DB_MAX_OVERFLOW: "15" });
const { services, jobs } = await createDependencies(env, log);
process.on("message", async (message) => {
  if (message === "start") await jobs.start([]);
  process.send?.(process.memoryUsage().rss);
});
await serveForParent(services, log);
