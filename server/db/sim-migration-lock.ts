import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

/** The advisory lock under which Sim migrates, so that its migrations and ours never run at once. */
const SIM_MIGRATION_LOCK = "4961002270";
/** Held by each session that migrates, shared; other than Sim's it outlives a process that was killed, for as long as its statement runs. */
const RUNNING_LOCK = "4961002271";
const POLL_MS = 250;

/**
 * Afterwards this session holds Sim's migration lock, until it ends.
 * @throws when another session still holds it after `waitMs`.
 */
export async function takeSimMigrationLock(owner: pg.Client, waitMs: number, log: (line: string) => void): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (let attempt = 1; ; attempt++) {
    const { rows } = await owner.query<{ locked: boolean }>(`SELECT pg_try_advisory_lock(${SIM_MIGRATION_LOCK}) AS locked`);
    if (rows[0]?.locked) return;
    if (performance.now() >= deadline) {
      throw new Error(`Another migration, Sim's or ours, was still running after ${waitMs / 1_000} s; nothing was changed`);
    }
    if (attempt === 1) log("Another migration, Sim's or ours, is running; waiting for it to end");
    await sleep(POLL_MS);
  }
}

/** What a session that migrates does first, so that whoever comes later can wait for its end. */
export const MARK_RUNNING = `SELECT pg_advisory_lock_shared(${RUNNING_LOCK})`;

/**
 * No session of an earlier migration is left: PostgreSQL ends the statement of a process that was killed, and only then
 * notices that nobody is there.
 * @throws what PostgreSQL reports where one is still running after the connection's lock_timeout
 */
export async function awaitEarlierSessions(owner: pg.Client): Promise<void> {
  await owner.query(`SELECT pg_advisory_lock(${RUNNING_LOCK})`);
  await owner.query(`SELECT pg_advisory_unlock(${RUNNING_LOCK})`);
}
