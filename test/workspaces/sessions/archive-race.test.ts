import { expect, test } from "vitest";
import { withConnection } from "../../support/connection.ts";
import { openDependencies } from "../../support/open-dependencies.ts";
import { makeSessionWorld, says } from "./fixture.ts";

const ROUNDS = process.env["ISOLATION_FUZZ"] === "long" ? 200 : 8;
const { database, dependencies } = await openDependencies({ DB_POOL_SIZE: "8", DB_MAX_OVERFLOW: "8" });

/** Sessions that are active although their agent is archived or deleted; there must never be one. */
const strays = () =>
  withConnection(database.superuserUrl, async (superuser) => {
    const { rows } = await superuser.query(
      `select s.id from parlant.parlant_session s join parlant.parlant_agent a on a.workspace_id = s.workspace_id and a.id = s.agent_id
       where s.status = 'active' and (a.status = 'archived' or a.deleted_at is not null)`,
    );
    return rows;
  });

test(`no session is active with an agent that was archived or deleted beside its opening, its revival or its events, in ${ROUNDS} rounds`, {
  timeout: 600_000,
}, async () => {
  let [opened, refused] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const { workspaceId, agentId, admin, writer, as, open } = await makeSessionWorld(database, dependencies);
    const [active, abandoned] = [await open(writer), await open(writer)];
    await as(writer).sessions.update({ workspaceId, sessionId: abandoned.id, status: "abandoned" });
    const post = (sessionId: string) => as(writer).events.append({ workspaceId, sessionId, events: [says("Hi")] });
    const { agents } = as(admin);
    const end = () =>
      round % 2 === 0 ? agents.update({ workspaceId, agentId, status: "archived" }) : agents.delete({ workspaceId, agentId });
    const calls = [open(writer), post(active.id), end(), post(abandoned.id), open(writer), post(active.id), open(writer)];
    for (const outcome of await Promise.allSettled(calls)) {
      if (outcome.status === "fulfilled") opened++;
      else {
        refused++;
        expect(["CONFLICT", "NOT_FOUND"]).toContain((outcome.reason as { code: string }).code);
      }
    }
    expect(await strays()).toEqual([]);
  }
  expect(opened).toBeGreaterThan(ROUNDS);
  console.log(`${opened} done, ${refused} refused`);
});

test("control: a session that is left active is found", async () => {
  const { workspaceId, agentId, admin, writer, as, open } = await makeSessionWorld(database, dependencies);
  const { id } = await open(writer);
  await as(admin).agents.update({ workspaceId, agentId, status: "archived" });
  await withConnection(database.superuserUrl, (superuser) =>
    superuser.query("update parlant.parlant_session set status = 'active', ended_at = null where id = $1", [id]),
  );
  expect(await strays()).toEqual([{ id }]);
});
