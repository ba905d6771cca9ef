import { afterAll, beforeAll, expect, test } from "vitest";
import { countRows, readRows } from "./canary.ts";
import { type PurgeFixture, startPurgeFixture } from "./fixture.ts";

let world: PurgeFixture;
beforeAll(async () => {
  world = await startPurgeFixture({ isOlderSim: true });
});
afterAll(() => world?.stop());

test("beside a Sim without archived_at a workspace is purged when its row is gone, and not before", async () => {
  const { id } = await world.makeFull("canary");
  const before = await readRows(world.database, id);
  await expect(world.purge(id)).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await readRows(world.database, id)).toEqual(before);
  await world.database.owner.query("DELETE FROM workspace WHERE id = $1", [id]);
  expect(await world.purge(id)).toMatchObject({ wasDone: false, deleted: { parlant_authz_decision: 3 } });
  expect(await countRows(world.database, id)).toMatchObject({ parlant_authz_decision: 0, parlant_workspace_state: 0 });
  expect(await world.verify(id)).toMatchObject({ valid: true, unsealedEvents: 0 });
});
