import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

/** The advisory lock under which Sim migrates, so that its migrations and ours never run at once. */
const SIM_MIGRATION_LOCK = "4961002270";
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
