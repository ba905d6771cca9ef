import { createAuthenticator } from "./auth/authenticator.ts";
import { createCredentialCache } from "./auth/credential-cache.ts";
import { openDatabase } from "./db/client.ts";
import { probeSim } from "./db/probe-sim.ts";
import type { Env } from "./env.ts";
import { createWorkspaceKeys } from "./isolation/workspace-keys.ts";
import { createAccessMemory, createAccessResolver } from "./permissions/access.ts";
import { type Clock, systemClock } from "./shared/clock.ts";
import type { Logger } from "./shared/logger.ts";
import type { Services } from "./trpc/context.ts";

/** The configuration with everything that a running server needs: where no database is named, the embedded one fills it in. */
export type ServerEnv = Env & {
  DATABASE_URL: string;
  BETTER_AUTH_SECRET: string;
  ISOLATION_SECRET: string[];
  INTERNAL_JWT_SECRET: string;
  NEXT_PUBLIC_APP_URL: string;
};

/** Everything that a request is served with. */
export interface Dependencies {
  services: Services;
  database: ReturnType<typeof openDatabase>;
  close(): Promise<void>;
}

/** Opens the database and joins the parts. Nothing listens yet. */
export async function createDependencies(env: ServerEnv, log: Logger, clock: Clock = systemClock): Promise<Dependencies> {
  const database = openDatabase({
    url: env.DATABASE_URL,
    poolSize: env.DB_POOL_SIZE,
    maxOverflow: env.DB_MAX_OVERFLOW,
    poolTimeoutSeconds: env.DB_POOL_TIMEOUT,
    onError: (error) => log.warn({ err: { message: error.message } }, "database connection lost"),
  });
  const { features } = await probeSim(database.sim);
  const ttlMs = env.PERMISSION_CACHE_TTL * 1_000;
  const credentials = createCredentialCache({
    authenticator: createAuthenticator({
      sim: database.sim,
      features,
      clock,
      betterAuthSecret: env.BETTER_AUTH_SECRET,
      internalJwtSecret: env.INTERNAL_JWT_SECRET,
      appUrl: env.NEXT_PUBLIC_APP_URL,
    }),
    ttlMs,
    createMemory: createAccessMemory,
  });
  return {
    services: {
      findCaller: credentials.find,
      resolveAccess: createAccessResolver({
        sim: database.sim,
        features,
        ttlMs,
        openWorkspace: (binding) => database.openWorkspace(binding, { hasPermissionGroups: features.permissionGroups }),
      }),
      workspaceKeys: createWorkspaceKeys(env.ISOLATION_SECRET, ttlMs),
      sim: database.sim,
      settings: { agentRetentionMs: env.AGENT_RETENTION },
      clock,
      log,
    },
    database,
    close: database.close,
  };
}
