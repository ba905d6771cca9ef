import { LRUCache } from "lru-cache";
import type { Authentication, Authenticator, RequestHeaders } from "./principal.ts";

const MAX_CREDENTIALS = 50_000;
const JITTER = 0.2;

/** A verified credential with what is remembered for it; forgetting the caller forgets all of it. */
export interface Caller<Memory> extends Authentication {
  readonly memory: Memory;
}

/** Remembers verified credentials, so that a warm call needs no look-up: the guard in each statement re-checks them. */
export interface CredentialCache<Memory> {
  /** The caller behind the headers; `isFresh` verifies anew and forgets what was remembered. */
  find(headers: RequestHeaders, isFresh: boolean): Promise<Caller<Memory> | null>;
}

/**
 * Successful verifications only, for `ttlMs` less up to a fifth; a failed or cancelled one is never remembered, and
 * neither is Sim's backend, whose token expires where no statement would notice. Concurrent verifications of one
 * credential are made once.
 */
export function createCredentialCache<Memory extends object>(options: {
  authenticator: Authenticator;
  ttlMs: number;
  createMemory(): Memory;
  random?: () => number;
}): CredentialCache<Memory> {
  const { authenticator, ttlMs, createMemory, random = Math.random } = options;
  const known = new LRUCache<string, Caller<Memory>>({ max: MAX_CREDENTIALS });
  const pending = new Map<string, Promise<Caller<Memory> | null>>();

  async function verify(digest: string, headers: RequestHeaders): Promise<Caller<Memory> | null> {
    const authentication = await authenticator.authenticate(headers);
    if (!authentication) return null;
    const caller: Caller<Memory> = { ...authentication, memory: createMemory() };
    if (ttlMs > 0 && caller.principal.kind !== "internal") {
      known.set(digest, caller, { ttl: Math.max(1, ttlMs * (1 - JITTER * random())) });
    }
    return caller;
  }

  return {
    async find(headers, isFresh) {
      const digest = authenticator.identify(headers);
      if (digest === null) return null;
      if (isFresh) {
        known.delete(digest);
        return verify(digest, headers);
      }
      const caller = known.get(digest);
      if (caller) return caller;
      const running = pending.get(digest);
      if (running) return running;
      const started = verify(digest, headers).finally(() => pending.delete(digest));
      pending.set(digest, started);
      return started;
    },
  };
}
