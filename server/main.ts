import { printBanner } from "./banner.ts";
import { ConfigError, EXIT_CONFIG } from "./env.ts";
import { startServer } from "./start-server.ts";

/** How long a stopping server waits for the requests it is serving. */
const DRAIN_MS = 30_000;

// Prisma and better-auth look for updates and send usage data unless they are told not to.
process.env["CHECKPOINT_DISABLE"] = "1";
process.env["PRISMA_HIDE_UPDATE_MESSAGE"] = "1";
process.env["BETTER_AUTH_TELEMETRY"] = "false";

const stopping = Promise.withResolvers<NodeJS.Signals>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.resolve(signal));

try {
  const server = await startServer(process.env);
  printBanner(server);
  await stopping.promise;
  const overdue = setTimeout(() => process.exit(1), DRAIN_MS);
  await server.stop();
  clearTimeout(overdue);
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(error instanceof ConfigError ? EXIT_CONFIG : 1);
}
