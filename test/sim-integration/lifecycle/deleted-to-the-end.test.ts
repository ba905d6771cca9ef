import { expect, test } from "vitest";
import { readTrail } from "../../support/audit-trail.ts";
import { openDependencies } from "../../support/open-dependencies.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace } from "../../support/workspace.ts";
import { applierOf, keptAgents, keptState, simOn } from "./sim-changes.ts";

const { database, dependencies } = await openDependencies();

const NOW = { deletion: { mode: "delete", isExportAsked: false } } as const;
const sweep = () => dependencies.reconciler.sweep(new AbortController().signal);

async function makeDeleted(): Promise<string> {
  const { id, writer } = await makeStaffedWorkspace(database.owner);
  await callerWith(dependencies, writer.headers).workspaces.agents.create({ workspaceId: id, name: "Scout" });
  await simOn(database.owner).archive(id);
  await applierOf(dependencies.services.lifecycle)("workspace_deleted", id, NOW);
  return id;
}

test("a deletion that leaves no time is carried out by the next sweep, and only once", async () => {
  const id = await makeDeleted();
  expect(await sweep()).toMatchObject({ purged: 1, failed: 0 });
  expect(await keptAgents(database, id)).toEqual([]);
  expect(await keptState(database, id)).toBeUndefined();
  expect((await readTrail(database, id)).map(({ action }) => action)).toContain("workspace.purge");
  expect(await sweep()).toMatchObject({ purged: 0, failed: 0 });
});

test("control: one that Sim has taken back by then is not, and everything is there again", async () => {
  const id = await makeDeleted();
  await simOn(database.owner).restore(id);
  expect(await sweep()).toMatchObject({ purged: 0, failed: 0 });
  expect(await keptAgents(database, id)).toMatchObject([{ name: "Scout", status: "active" }]);
});
