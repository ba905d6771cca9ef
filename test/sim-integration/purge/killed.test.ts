import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { countRows, findInDatabase } from "./canary.ts";
import { type PurgeFixture, startPurgeFixture } from "./fixture.ts";

const PURGING = fileURLToPath(new URL("purging.ts", import.meta.url));
const CANARY = "canary-of-the-killed";

let world: PurgeFixture;
beforeAll(async () => {
  world = await startPurgeFixture();
});
afterAll(() => world?.stop());

/** Purges in another process, and kills it when it has said so many lines; whether it came to its end. */
async function purgeUntil(workspaceId: string, lines: number): Promise<boolean> {
  const child = spawn(process.execPath, [PURGING, world.database.appUrl, workspaceId, world.exportDirectory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let said = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "done") break;
    if (++said === lines) child.kill("SIGKILL");
  }
  const [code] = await ended;
  return code === 0;
}

test("a purge that is killed with -9 again and again ends as one that was not", { timeout: 180_000 }, async () => {
  const { id } = await world.makeFull(CANARY, 4);
  const { checkpoint } = await world.verify(id);
  await world.archive(id);
  const before = await countRows(world.database, id);
  let kills = 0;
  // Each process comes a little further; the last ones are killed behind the last transaction, before the seal.
  for (let lines = 1; !(await purgeUntil(id, lines)); lines += 2) {
    kills++;
    const { parlant_workspace_state: states, parlant_agent: agents } = await countRows(world.database, id);
    const { rows } = await world.database.owner.query("SELECT archived_at FROM workspace WHERE id = $1", [id]);
    expect(rows).toHaveLength(1);
    // The keys are there as long as anything is that was made with them.
    if (agents) expect(states).toBe(1);
    expect(kills).toBeLessThan(60);
  }
  expect(kills).toBeGreaterThan(3);
  expect(await findInDatabase(world.database, CANARY)).toEqual([]);
  const verified = await world.verify(id, checkpoint ?? "");
  expect(verified).toMatchObject({ valid: true, unsealedEvents: 0 });
  const { deleted, wasDone } = await world.purge(id);
  expect(wasDone).toBe(true);
  const { parlant_audit_event: _e, parlant_audit_leaf: _l, parlant_audit_checkpoint: _c, ...purged } = before;
  expect(deleted).toEqual({ ...purged, job: 0 });
  // Nothing is left in the clear of the exports that were killed.
  expect((await readdir(world.exportDirectory)).filter((name) => name.endsWith(".part"))).toEqual([]);
});
