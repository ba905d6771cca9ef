import { expect, test } from "vitest";
import { createMovableClock } from "../support/clock.ts";
import { withConnection } from "../support/connection.ts";
import { openDependencies } from "../support/open-dependencies.ts";
import { readPastTheServer } from "../support/past-the-server.ts";
import { makeSessionWorld, says } from "../workspaces/sessions/fixture.ts";

const clock = createMovableClock();
const { database, dependencies } = await openDependencies({}, clock);

/** Moves a session with its events to an agent of another workspace, as one can who passes every rule of the database. */
const move = (sessionId: string, to: { workspaceId: string; agentId: string }) =>
  withConnection(database.superuserUrl, async (superuser) => {
    await superuser.query("set session_replication_role = replica");
    await superuser.query("update parlant.parlant_event set workspace_id = $2 where session_id = $1", [
      sessionId,
      to.workspaceId,
    ]);
    await superuser.query("update parlant.parlant_session set workspace_id = $2, agent_id = $3 where id = $1", [
      sessionId,
      to.workspaceId,
      to.agentId,
    ]);
  });

const violationsIn = async (workspaceId: string) => {
  await dependencies.services.violations.settled();
  return readPastTheServer<Record<string, unknown>>(
    database.owner,
    workspaceId,
    "select * from parlant.parlant_audit_event where action = 'isolation.boundary_mismatch' order by id",
  );
};

test("a session that was moved into another workspace is shown to nobody, appended to by nobody, and recorded there", async () => {
  const [from, to] = [await makeSessionWorld(database, dependencies), await makeSessionWorld(database, dependencies)];
  const { id: sessionId } = await from.open(from.admin);
  const resident = await to.open(to.admin);
  // The writer of the events is remembered as one who posts to the session.
  await from.as(from.admin).events.append({ workspaceId: from.workspaceId, sessionId, events: [says("secret")] });
  await move(sessionId, to);
  for (const { workspaceId, admin, as } of [from, to]) {
    const ref = { workspaceId, sessionId };
    const { sessions, events } = as(admin);
    await expect(sessions.get(ref)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(sessions.update({ ...ref, title: "Mine" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(sessions.delete(ref)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(events.list(ref)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(events.append({ ...ref, events: [says("more")] })).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
  expect((await to.as(to.admin).sessions.list({ workspaceId: to.workspaceId })).data.map(({ id }) => id)).toEqual([resident.id]);
  expect(await violationsIn(to.workspaceId)).toMatchObject([
    { target_kind: "session", target_id: sessionId, reason_code: "BOUNDARY_MISMATCH", actor_id: to.admin.id },
  ]);
  expect(await violationsIn(from.workspaceId)).toEqual([]);
  const rows = await readPastTheServer(database.owner, to.workspaceId, "select * from parlant.parlant_event");
  expect(rows).toHaveLength(1);

  const healthOf = async ({ workspaceId, admin, as }: typeof to) => (await as(admin).isolation.health({ workspaceId })).status;
  clock.forward(10_000);
  expect(await healthOf(to)).toBe("unhealthy");
  await move(sessionId, from);
  clock.forward(10_000);
  expect(await healthOf(to)).toBe("healthy");
  expect(await from.as(from.admin).events.list({ workspaceId: from.workspaceId, sessionId })).toMatchObject({ nextOffset: 1 });
});
