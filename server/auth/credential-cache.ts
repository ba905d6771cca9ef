import { LRUCache } from "lru-cache";
import type { Clock } from "../shared/clock.ts";
import { AppError } from "../shared/errors.ts";
import { type Runway, singleFlight } from "../shared/single-flight.ts";
import type { Authentication, Authenticator, RequestHeaders } from "./principal.ts";

const MAX_CREDENTIALS = 50_000;
const JITTER = 0.2;

/** Remembers verified credentials, so that a warm call needs no look-up: the guard in each statement re-checks them. */
export interface CredentialCache {
  /** The caller behind the headers; `isFresh` verifies anew and forgets what was remembered. */
  find(headers: RequestHeaders, isFresh: boolean): Promise<Authentication | null>;
  /** Forgets the credentials of a user, or all, also those being verified; answers with how many were remembered. */
  forget(userId: string | undefined): number;
}

/** The verifications of one credential. */
interface Verification extends Runway<Authentication | null> {
  /** Whether the outcome of the present one may not be remembered. */
  isOutdated: boolean;
  waiting: number;
}

/**
 * Successful verifications only, for `ttlMs` less up to a fifth; a failed or cancelled one is never remembered, and
 * neither is Sim's backend, whose token expires where no statement would notice; an access token is until it ends. Concurrent verifications of one
 * credential are made once.
 */
export function createCredentialCache(options: {
  authenticator: Authenticator;
  ttlMs: number;
  clock: Clock;
  random?: () => number;
}): CredentialCache {
  const { authenticator, ttlMs, clock, random = Math.random } = options;
  const known = new LRUCache<string, Authentication>({ max: MAX_CREDENTIALS });
  const underWay = new Map<string, Verification>();

  const hasEnded = ({ endsAtMs }: Authentication) => endsAtMs !== undefined && endsAtMs <= clock.now();

  async function verify(digest: string, headers: RequestHeaders, shared: Verification): Promise<Authentication | null> {
    shared.isOutdated = false;
    const caller = await authenticator.authenticate(headers);
    if (caller && ttlMs > 0 && caller.principal.kind !== "internal" && !shared.isOutdated) {
      known.set(digest, caller, { ttl: Math.max(1, ttlMs * (1 - JITTER * random())) });
    }
    return caller;
  }

  return {
    async find(headers, isFresh) {
      const digest = authenticator.identify(headers);
      if (digest === null) return null;
      const running = underWay.get(digest);
      if (isFresh) {
        known.delete(digest);
        if (running) running.isOutdated = true;
      }
      const caller = known.get(digest);
      if (caller && !hasEnded(caller)) return caller;
      const shared = running ?? { isOutdated: false, waiting: 0 };
      underWay.set(digest, shared);
      shared.waiting += 1;
      try {
        return await singleFlight(
          shared,
          () => verify(digest, headers, shared),
          // A credential that ended meanwhile is found out by the guard; one that became good would not be.
          (outcome) => !isFresh && !("error" in outcome && outcome.error instanceof AppError),
        );
      } finally {
        shared.waiting -= 1;
        if (shared.waiting === 0) underWay.delete(digest);
      }
    },
    forget(userId) {
      // Whose those are that are being verified is not known yet.
      for (const verification of underWay.values()) verification.isOutdated = true;
      const meant = [...known.entries()].filter(
        ([, { principal }]) => userId === undefined || ("userId" in principal && principal.userId === userId),
      );
      for (const [digest] of meant) known.delete(digest);
      return meant.length;
    },
  };
}
