import { createHash } from "node:crypto";
import type { OneTimeTokens } from "../db/one-time-tokens.ts";
import type { SimFeatures } from "../db/sim-features.ts";
import type { Clock } from "../shared/clock.ts";
import type { AccessTokens } from "./access-token.ts";

/** How long an access token lasts; its session may end before. */
const ACCESS_TOKEN_MS = 5 * 60_000;
/** Sim's have 32 characters; what is of another form is none, and is not looked for. */
const TOKEN = /^[\x21-\x7e]{1,256}$/;

export interface GrantedAccess {
  accessToken: string;
  expiresAt: Date;
  userId: string;
}

/** Exchanges a one-time token of Sim's for an access token, once; null where it is none, was used or has expired. */
export type ExchangeToken = (token: string) => Promise<GrantedAccess | null>;

export function createTokenExchange(options: {
  oneTimeTokens: OneTimeTokens;
  accessTokens: AccessTokens;
  features: SimFeatures;
  clock: Clock;
}): ExchangeToken {
  const { oneTimeTokens, accessTokens, features, clock } = options;
  return async (token) => {
    if (!TOKEN.test(token)) return null;
    const session = await oneTimeTokens.use(createHash("sha256").update(token).digest(), token, features);
    if (!session) return null;
    const endsAtMs = clock.now() + ACCESS_TOKEN_MS;
    const { userId, sessionId, proof } = session;
    return { accessToken: accessTokens.issue({ sessionId, proof, endsAtMs }), expiresAt: new Date(endsAtMs), userId };
  };
}
