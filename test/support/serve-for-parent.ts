import type { AddressInfo } from "node:net";
import { createApp } from "../../server/app.ts";
import type { Logger } from "../../server/shared/logger.ts";
import type { Services } from "../../server/trpc/context.ts";

/**
 * Serves from this process, which a test forked, and tells the test its port. The test's end, however it comes, ends this
 * process too.
 */
export async function serveForParent(services: Services, log: Logger): Promise<void> {
  const app = await createApp({
    services,
    basePath: "",
    allowedOrigins: new Set(),
    trustedProxies: [],
    rateLimitPerMinute: 0,
    checkReadiness: async () => ({ ready: true, checks: {} }),
    log,
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  process.send?.((app.server.address() as AddressInfo).port);
  process.once("disconnect", () => process.exit(0));
}
