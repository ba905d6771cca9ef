import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** How work that needs locks behaves on a live database: it gives up early, so that nobody queues behind it, and comes back. */
export interface LockPolicy {
  /** How long one statement may wait for a lock, in milliseconds. */
  lockTimeoutMs: number;
  attempts: number;
  /** The pause before the second attempt; it doubles each time. */
  backoffMs: number;
  log(line: string): void;
}

const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK_DETECTED = "40P01";

/**
 * Resolves to what `work` does once it got its locks. Work that failed on a lock must have left nothing behind.
 * @throws what `work` throws, if it is not about a lock or it was the last attempt.
 */
export async function retryOnLock<Result>(name: string, policy: LockPolicy, work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isLockFailure(error) || attempt >= policy.attempts) throw error;
      policy.log(`${name}: a lock was not to be had within ${policy.lockTimeoutMs} ms; attempt ${attempt + 1} follows`);
      await sleep(policy.backoffMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2));
    }
  }
}

/** The settings of a connection that migrates; statements are bounded too, though generously: an index may take its time. */
export function migrationSettings(policy: LockPolicy): string {
  return `SET lock_timeout = ${policy.lockTimeoutMs}; SET statement_timeout = '15min'; SET idle_in_transaction_session_timeout = '1min'`;
}

function isLockFailure(error: unknown): boolean {
  const cause = error instanceof Error && !(error instanceof pg.DatabaseError) ? error.cause : error;
  return cause instanceof pg.DatabaseError && (cause.code === LOCK_NOT_AVAILABLE || cause.code === DEADLOCK_DETECTED);
}
