import type { AddressInfo } from "node:net";
import { createApp } from "../../server/app.ts";
import { allowedOrigins } from "../../server/auth/cookie-rules.ts";
import type { Dependencies } from "../../server/dependencies.ts";
import { createReadiness } from "../../server/readiness.ts";
import type { Clock } from "../../server/shared/clock.ts";
import { createTestDatabase, makeApiKey, type TestDatabase } from "./database.ts";
import { createTestDependencies, testEnv } from "./services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "./workspace.ts";

export type TestApp = Awaited<ReturnType<typeof createApp>>;

/** The whole server on a database of its own, listening on a free port of the loopback. */
export interface TestServer {
  /** Where it answers, without a slash at the end. */
  url: string;
  app: TestApp;
  database: TestDatabase;
  dependencies: Dependencies;
  /** A workspace with its people, and a personal API key of its admin. */
  workspace: TestWorkspace;
  apiKey: string;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  /** The URL by which the server reaches its database, which is the database's own unless given. */
  reach?(databaseUrl: string): Promise<string>;
  /** Serves with other services, where a test shows what would come of them. */
  alter?(services: Dependencies["services"]): Dependencies["services"];
  clock?: Clock;
}

/** Starts it; stop it in afterAll. `overrides` are environment variables. */
export async function startTestServer(
  overrides: Record<string, string> = {},
  { reach = async (url) => url, alter = (services) => services, clock }: TestServerOptions = {},
): Promise<TestServer> {
  const database = await createTestDatabase();
  const databaseUrl = await reach(database.appUrl);
  const dependencies = await createTestDependencies(databaseUrl, overrides, clock);
  const env = testEnv(databaseUrl, overrides);
  const services = alter(dependencies.services);
  const app = await createApp({
    services,
    basePath: env.BASE_PATH,
    allowedOrigins: allowedOrigins(env.NEXT_PUBLIC_APP_URL, env.ALLOWED_ORIGINS),
    trustedProxies: env.TRUSTED_PROXIES,
    rateLimitPerMinute: env.RATE_LIMIT_PER_MINUTE,
    checkReadiness: createReadiness(dependencies.database.sim),
    metrics: { registry: dependencies.metrics, token: env.METRICS_TOKEN },
    log: services.log,
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const workspace = await makeStaffedWorkspace(database.owner);
  const { plain } = await makeApiKey(database.owner, { userId: workspace.admin.id });
  return {
    url: `http://127.0.0.1:${port}${env.BASE_PATH}`,
    app,
    database,
    dependencies,
    workspace,
    apiKey: plain,
    async stop() {
      await app.close();
      await dependencies.close();
      await database.drop();
    },
  };
}
