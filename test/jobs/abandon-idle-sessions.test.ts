import { expect, test } from "vitest";
import { readTrail } from "../support/audit-trail.ts";
import { createMovableClock } from "../support/clock.ts";
import { openDependencies } from "../support/open-dependencies.ts";
import { makeSessionWorld, says } from "../workspaces/sessions/fixture.ts";

const HOUR_MS = 3_600_000;
const clock = createMovableClock();
const unaborted = new AbortController().signal;
const abandon = () => dependencies.sweeps.find(({ name }) => name === "sessions.abandon")?.run(unaborted);
const { database, dependencies } = await openDependencies({ SESSION_IDLE_AFTER: "2h" }, clock);

test("sessions are abandoned once they have been idle for as long, in every workspace, and recorded; no other is touched", async () => {
  const worlds = [await makeSessionWorld(database, dependencies), await makeSessionWorld(database, dependencies)];
  const made = await Promise.all(
    worlds.map(async ({ writer, open, as, workspaceId }) => {
      const [idle, lively, completed] = [await open(writer), await open(writer), await open(writer)];
      await as(writer).sessions.update({ workspaceId, sessionId: completed.id, status: "completed" });
      return { idle, lively, completed };
    }),
  );
  clock.forward(HOUR_MS);
  for (const [index, { writer, as, workspaceId }] of worlds.entries()) {
    await as(writer).events.append({ workspaceId, sessionId: made[index]?.lively.id ?? "", events: [says("Still here")] });
  }
  expect(await abandon()).toBe(0);
  clock.forward(HOUR_MS + 1);
  expect(await abandon()).toBe(2);
  expect(await abandon()).toBe(0);
  for (const [index, { admin, as, workspaceId }] of worlds.entries()) {
    const { idle, lively, completed } = made[index] ?? {};
    const statusOf = async (sessionId = "") => (await as(admin).sessions.get({ workspaceId, sessionId })).status;
    expect([await statusOf(idle?.id), await statusOf(lively?.id), await statusOf(completed?.id)]).toEqual([
      "abandoned",
      "active",
      "completed",
    ]);
    const trail = (await readTrail(database, workspaceId)).filter(({ action }) => action === "session.abandon");
    expect(trail).toMatchObject([{ actor_kind: "system", actor_id: "sessions", target_kind: "session", target_id: idle?.id }]);
  }
});
