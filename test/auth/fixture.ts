import { createAccessTokens } from "../../server/auth/access-token.ts";
import { createAuthenticator } from "../../server/auth/authenticator.ts";
import type { Authentication } from "../../server/auth/principal.ts";
import { openDatabase } from "../../server/db/client.ts";
import { CURRENT_SIM, type SimFeatures } from "../../server/db/sim-features.ts";
import type { SimReader, Statement } from "../../server/db/sim-reader.ts";

export const BETTER_AUTH_SECRET = "a secret that Sim signs its cookies with";
export const ISOLATION_SECRET = "a secret that our own keys are derived from";
/** Long enough for every HMAC algorithm of JWTs. */
export const INTERNAL_JWT_SECRET = "a secret that Sim's services share, as long as the longest HMAC key";

/** The moment at which every test of this folder plays, unless it says otherwise. */
export const NOW = Date.UTC(2026, 0, 15, 12);

/** A moment so many seconds from NOW. */
export function secondsFromNow(seconds: number): Date {
  return new Date(NOW + seconds * 1_000);
}

export interface Caller {
  authenticate(headers: Record<string, string>): Promise<Authentication | null>;
  /** The statements sent to the database since the last call of this. */
  takeStatements(): Statement[];
  close(): Promise<void>;
}

interface CallerOptions {
  appUrl?: string;
  features?: Partial<SimFeatures>;
  nowMs?: number;
}

/** An authenticator on a database, connected as the role of the given URL. */
export function openCaller(url: string, options: CallerOptions = {}): Caller {
  const database = openDatabase({ url, poolSize: 1, maxOverflow: 1, poolTimeoutSeconds: 10, onError: () => {} });
  let statements: Statement[] = [];
  const sim: SimReader = {
    query(statement) {
      statements.push(statement);
      return database.sim.query(statement);
    },
  };
  const clock = { now: () => options.nowMs ?? NOW };
  const authenticator = createAuthenticator({
    sim,
    features: { ...CURRENT_SIM, ...options.features },
    clock,
    accessTokens: createAccessTokens({ rootSecrets: [ISOLATION_SECRET], clock }),
    betterAuthSecret: BETTER_AUTH_SECRET,
    internalJwtSecret: INTERNAL_JWT_SECRET,
    appUrl: options.appUrl ?? "http://localhost:3000",
  });
  return {
    authenticate: (headers) => authenticator.authenticate(new Headers(headers)),
    takeStatements() {
      const taken = statements;
      statements = [];
      return taken;
    },
    close: () => database.close(),
  };
}
