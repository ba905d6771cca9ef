import { createApp } from "./app.ts";
import { allowedOrigins } from "./auth/cookie-rules.ts";
import { checkDatabase } from "./db/check.ts";
import { migrate } from "./db/migrate.ts";
import { appRoleOf } from "./db/roles.ts";
import { createDependencies, type ServerEnv } from "./dependencies.ts";
import { type EmbeddedSim, startEmbeddedSim } from "./embedded-sim.ts";
import { ConfigError, type Env, parseEnv } from "./env.ts";
import { addProcessMetrics } from "./metrics.ts";
import { createReadiness } from "./readiness.ts";
import { seedDemoAgents } from "./seed-demo-agents.ts";
import { createLogger, type Logger } from "./shared/logger.ts";
import { startSweeper } from "./sweeper.ts";

/** Where Sim runs on a developer's machine. */
const LOCAL_SIM_URL = "http://localhost:3000";

/** How long after the end of a sweep over all workspaces the next one begins. */
const RE_SIGN_INTERVAL_MS = 60_000;

export interface RunningServer {
  /** Where it answers, base path included. */
  url: string;
  /** The embedded Sim, where no database was named. */
  embedded: EmbeddedSim | null;
  /** Takes no more requests, finishes those it has, and leaves no process behind. */
  stop(): Promise<void>;
}

/**
 * Starts the server as the environment configures it; it answers requests when this resolves.
 *
 * @throws ConfigError where the configuration or the database cannot work, with the remedy
 */
export async function startServer(variables: Record<string, string | undefined>): Promise<RunningServer> {
  const env = parseEnv(variables);
  const log = createLogger(env.LOG_LEVEL);
  const embedded =
    env.DATABASE_URL === undefined ? await startEmbeddedSim((line) => log.debug(line), env.PARLANT_DATA_DIR) : null;
  const undo: (() => Promise<void>)[] = embedded ? [embedded.stop] : [];
  const stop = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    const serverEnv = completeEnv(env, embedded);
    if (!embedded && !env.NEXT_PUBLIC_APP_URL && !env.BETTER_AUTH_URL) {
      log.warn(`NEXT_PUBLIC_APP_URL is unset; cookies and CORS are those of a Sim at ${LOCAL_SIM_URL}`);
    }
    if (!embedded && env.MIGRATE_ON_START) await migrateAtStart(env, serverEnv, log);
    const dependencies = await createDependencies(serverEnv, log);
    undo.push(dependencies.close);
    addProcessMetrics(dependencies.metrics);
    await assertFit(dependencies.database.sim, log);
    undo.push(startSweeper("re-sign", dependencies.reSignSweep, { intervalMs: RE_SIGN_INTERVAL_MS, log }).stop);
    const app = await createApp({
      services: dependencies.services,
      basePath: env.BASE_PATH,
      allowedOrigins: allowedOrigins(serverEnv.NEXT_PUBLIC_APP_URL, env.ALLOWED_ORIGINS),
      trustedProxies: [...env.TRUSTED_PROXIES, ...env.AUTH_TRUSTED_PROXIES],
      rateLimitPerMinute: env.RATE_LIMIT_PER_MINUTE,
      checkReadiness: createReadiness(dependencies.database.sim),
      metrics: { registry: dependencies.metrics, token: env.METRICS_TOKEN },
      log,
    });
    undo.push(async () => {
      await Promise.all([app.close(), dependencies.jobs.stop()]);
    });
    if (embedded) await seedDemoAgents(dependencies.services, embedded);
    await app.listen({ host: env.HOST, port: env.PORT }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") throw error;
      throw new Error(`Port ${env.PORT} on ${env.HOST} is in use: stop what uses it, or name another one in PORT`);
    });
    dependencies.sealer.start();
    void dependencies.database.hints.start();
    await dependencies.jobs.start(dependencies.sweeps);
    const [address] = app.addresses();
    return { url: urlOf(typeof address === "object" ? address.port : env.PORT, env), embedded, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Fills in what only the embedded default may leave open. */
function completeEnv(env: Env, embedded: EmbeddedSim | null): ServerEnv {
  const appUrl = env.NEXT_PUBLIC_APP_URL ?? env.BETTER_AUTH_URL;
  const secrets = embedded?.secrets;
  const databaseUrl = embedded?.databaseUrl ?? env.DATABASE_URL;
  const betterAuthSecret = env.BETTER_AUTH_SECRET ?? secrets?.betterAuthSecret;
  const isolationSecret = env.ISOLATION_SECRET ?? (secrets && [secrets.isolationSecret]);
  const webhookSecret = env.SIM_WEBHOOK_SECRET ?? (secrets && [secrets.webhookSecret]);
  const internalSecret = env.INTERNAL_JWT_SECRET ?? env.INTERNAL_API_SECRET ?? secrets?.internalSecret;
  if (!databaseUrl || !betterAuthSecret || !isolationSecret || !webhookSecret || !internalSecret)
    throw new ConfigError("A secret is missing");
  return {
    ...env,
    DATABASE_URL: databaseUrl,
    BETTER_AUTH_SECRET: betterAuthSecret,
    ISOLATION_SECRET: isolationSecret,
    SIM_WEBHOOK_SECRET: webhookSecret,
    INTERNAL_JWT_SECRET: internalSecret,
    NEXT_PUBLIC_APP_URL: appUrl ?? LOCAL_SIM_URL,
  };
}

async function migrateAtStart(env: Env, { DATABASE_URL }: ServerEnv, log: Logger): Promise<void> {
  const ownerUrl = env.MIGRATION_DATABASE_URL;
  if (ownerUrl === undefined) {
    throw new ConfigError("MIGRATE_ON_START=true needs MIGRATION_DATABASE_URL, a direct connection as the owner of Sim's tables");
  }
  const appRole = appRoleOf(DATABASE_URL, ownerUrl);
  await migrate({ url: ownerUrl, ...(appRole && { appRole }), log: (line) => log.info(line) });
}

/** @throws ConfigError where the database or the role must not serve, with what mends it */
async function assertFit(sim: Parameters<typeof checkDatabase>[0], log: Logger): Promise<void> {
  const findings = await checkDatabase(sim);
  for (const { message } of findings.filter(({ level }) => level === "degraded")) log.warn(message);
  const unfit = findings.filter(({ level }) => level === "unfit");
  if (unfit.length === 0) return;
  throw new ConfigError(unfit.map(({ message, remedy }) => (remedy ? `${message}\n  Remedy: ${remedy}` : message)).join("\n"));
}

function urlOf(port: number, env: Env): string {
  const isLoopback = env.HOST === "127.0.0.1" || env.HOST === "localhost" || env.HOST === "::1";
  const host = isLoopback ? "localhost" : env.HOST.includes(":") ? `[${env.HOST}]` : env.HOST;
  return `http://${host}:${port}${env.BASE_PATH}`;
}
