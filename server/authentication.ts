import { createAccessTokens } from "./auth/access-token.ts";
import { createAuthenticator } from "./auth/authenticator.ts";
import { createCredentialCache } from "./auth/credential-cache.ts";
import { createTokenExchange } from "./auth/exchange-token.ts";
import type { OneTimeTokens } from "./db/one-time-tokens.ts";
import type { SimFeatures } from "./db/sim-features.ts";
import type { SimReader } from "./db/sim-reader.ts";
import type { Env } from "./env.ts";
import type { Clock } from "./shared/clock.ts";

/** Joins what recognises callers. */
export function createAuthentication(options: {
  env: Pick<Env, "PERMISSION_CACHE_TTL"> & {
    BETTER_AUTH_SECRET: string;
    INTERNAL_JWT_SECRET: string;
    ISOLATION_SECRET: string[];
    NEXT_PUBLIC_APP_URL: string;
  };
  sim: SimReader;
  features: SimFeatures;
  oneTimeTokens: OneTimeTokens;
  clock: Clock;
}) {
  const { env, sim, features, oneTimeTokens, clock } = options;
  const accessTokens = createAccessTokens({ rootSecrets: env.ISOLATION_SECRET, clock });
  const authenticator = createAuthenticator({
    ...{ sim, features, clock, accessTokens, betterAuthSecret: env.BETTER_AUTH_SECRET },
    internalJwtSecret: env.INTERNAL_JWT_SECRET,
    appUrl: env.NEXT_PUBLIC_APP_URL,
  });
  return {
    authenticator,
    credentials: createCredentialCache({ authenticator, ttlMs: env.PERMISSION_CACHE_TTL * 1_000, clock }),
    exchangeToken: createTokenExchange({ oneTimeTokens, accessTokens, features, clock }),
  };
}
