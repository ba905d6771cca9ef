import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDependencies, type Dependencies, type ServerEnv } from "../../server/dependencies.ts";
import { parseEnv } from "../../server/env.ts";
import { appRouter } from "../../server/router.ts";
import type { Clock } from "../../server/shared/clock.ts";
import { createLogger } from "../../server/shared/logger.ts";
import type { RequestContext } from "../../server/trpc/context.ts";
import { t } from "../../server/trpc/trpc.ts";

export const TEST_BETTER_AUTH_SECRET = "better-auth-secret-of-the-tests-0123456789";
export const TEST_INTERNAL_SECRET = "internal-secret-of-the-tests-0123456789abc";

/** The configuration of a server under test. */
export function testEnv(databaseUrl: string, overrides: Record<string, string> = {}): ServerEnv {
  return parseEnv({
    DATABASE_URL: databaseUrl,
    BETTER_AUTH_SECRET: TEST_BETTER_AUTH_SECRET,
    ISOLATION_SECRET: "isolation-secret-of-the-tests-0123456789ab",
    SIM_WEBHOOK_SECRET: "webhook-secret-of-the-tests-0123456789abcd",
    INTERNAL_JWT_SECRET: TEST_INTERNAL_SECRET,
    NEXT_PUBLIC_APP_URL: "http://localhost:3000",
    LOG_LEVEL: "error",
    // Tests are refused far more often than any client is.
    DENIAL_LIMIT_PER_MINUTE: "0",
    PARLANT_DATA_DIR: join(tmpdir(), `parlant-test-data-${process.pid}`),
    DB_POOL_SIZE: "4",
    DB_MAX_OVERFLOW: "4",
    ...overrides,
  }) as ServerEnv;
}

/** The server's parts on a test's database, without a listener. */
export function createTestDependencies(
  databaseUrl: string,
  overrides: Record<string, string> = {},
  clock?: Clock,
): Promise<Dependencies> {
  const env = testEnv(databaseUrl, overrides);
  return createDependencies(env, createLogger(env.LOG_LEVEL), clock);
}

const createCaller = t.createCallerFactory(appRouter);

/** The context of a call that comes with these headers. */
export function requestContext(dependencies: Dependencies, headers: Record<string, string>, requestId = "test"): RequestContext {
  return {
    services: dependencies.services,
    headers: new Headers(headers),
    request: { requestId, ipAddress: "127.0.0.1", idempotencyKey: headers["idempotency-key"] ?? null },
    assertCookieAllowed() {},
    annotate() {},
  };
}

/** Calls procedures as the holder of a credential, through the whole ladder. */
export function callerWith(dependencies: Dependencies, headers: Record<string, string>, requestId = "test") {
  return createCaller(requestContext(dependencies, headers, requestId));
}
