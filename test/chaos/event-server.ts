import { createApp } from "../../server/app.ts";
import { createDependencies } from "../../server/dependencies.ts";
import { createLogger } from "../../server/shared/logger.ts";
import { testEnv } from "../support/services.ts";

/** A server that is killed and started again at the same port; see events.test.ts. It ends with its parent. */
const [databaseUrl, port] = process.argv.slice(2);
if (!databaseUrl || !port) throw new Error("usage: event-server.ts <database url> <port>");

const env = testEnv(databaseUrl, { RATE_LIMIT_PER_MINUTE: "0", DENIAL_LIMIT_PER_MINUTE: "0" });
const log = createLogger("error");
const dependencies = await createDependencies(env, log);
void dependencies.database.hints.start();
const app = await createApp({
  services: dependencies.services,
  basePath: "",
  allowedOrigins: new Set(),
  trustedProxies: [],
  rateLimitPerMinute: 0,
  checkReadiness: async () => ({ ready: true, checks: {} }),
  log,
});
await app.listen({ host: "127.0.0.1", port: Number(port) });
process.send?.("listening");
process.once("disconnect", () => process.exit(0));
