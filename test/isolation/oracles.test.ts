import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../server/shared/ids.ts";
import { grantPermission } from "../support/database.ts";
import { makeSignedInUser, makeStaffedWorkspace, type TestUser } from "../support/workspace.ts";
import { agent, agents, expectLikeNothing, makeOracleWorld, type OracleWorld, type Sent } from "./oracle-world.ts";

let world: OracleWorld;

beforeAll(async () => {
  world = await makeOracleWorld();
});

afterAll(() => world?.server.stop());

describe("a name is taken by what the caller can see alone:", () => {
  test.each([
    ["a restricted agent's", "Hidden"],
    ["a restricted agent's, in other letters", "hiDDen"],
    ["a deleted agent's", "Deleted"],
    ["another workspace's", "Theirs"],
  ])("%s is free to be given to an agent, at first or later", async (_, name) => {
    const { writer } = world.here;
    const create = (body: object) => world.ask(writer, "POST", agents(world.here.id), { body });
    const made = await expectLikeNothing(name, (one) => create({ name: one }));
    expect(made.status).toBe(201);
    const { id } = JSON.parse(made.body);
    const rename = (to: string) => world.ask(writer, "PATCH", agent(world.here.id, id), { body: { name: to } });
    await rename(randomUUID());
    expect((await rename(name)).status).toBe(200);
    await world.ask(writer, "DELETE", agent(world.here.id, id));
  });

  test("control: one that all see is taken, at first and later", async () => {
    const { writer } = world.here;
    expect(await world.ask(writer, "POST", agents(world.here.id), { body: { name: "alpha" } })).toMatchObject({ status: 409 });
    const { id } = JSON.parse((await world.ask(writer, "POST", agents(world.here.id), { body: { name: randomUUID() } })).body);
    expect(await world.ask(writer, "PATCH", agent(world.here.id, id), { body: { name: "Alpha" } })).toMatchObject({
      status: 409,
    });
    await world.ask(writer, "DELETE", agent(world.here.id, id));
  });
});

test("an id that another workspace has too is one's own here and nobody's there", async () => {
  const { id } = await world.make(world.here, { name: "Twin" });
  const before = await world.ask(world.here.reader, "GET", agent(world.here.id, id));
  const { owner } = world.server.database;
  const enter = (workspaceId: string) => owner.query("select parlant.parlant_enter_system($1, 'test')", [workspaceId]);
  const versions = async () => {
    await owner.query("begin");
    await enter(world.theirs.id);
    const { rows } = await owner.query("select version, deleted_at from parlant.parlant_agent where id = $1", [id]);
    await owner.query("commit");
    return rows;
  };
  await owner.query("begin");
  await enter(world.theirs.id);
  await owner.query("update parlant.parlant_agent set id = $1 where id = $2", [id, world.theirAgent.id]);
  await owner.query("commit");
  expect(await world.ask(world.here.reader, "GET", agent(world.here.id, id))).toEqual(before);
  expect(await world.ask(world.here.writer, "PATCH", agent(world.here.id, id), { body: { maxTokens: 7 } })).toMatchObject({
    status: 200,
  });
  expect(await world.ask(world.here.admin, "DELETE", agent(world.here.id, id))).toMatchObject({ status: 200 });
  expect(await world.ask(world.here.reader, "GET", agent(world.here.id, id))).toEqual(
    await world.ask(world.here.reader, "GET", agent(world.here.id, newId(0))),
  );
  expect(await versions()).toEqual([{ version: 1, deleted_at: null }]);
});

describe("an Idempotency-Key is its principal's in its workspace:", () => {
  const create = (user: TestUser, workspaceId: string, key: string) =>
    world.ask(user, "POST", agents(workspaceId), {
      body: { name: `K${randomUUID().slice(0, 5)}` },
      headers: { "idempotency-key": key },
    });

  test("another principal's and the same principal's elsewhere are like one that was never used", async () => {
    const used = randomUUID();
    expect(await create(world.here.admin, world.here.id, used)).toMatchObject({ status: 201 });
    expect((await expectLikeNothing(used, (key) => create(world.here.writer, world.here.id, key), randomUUID)).status).toBe(201);
    expect((await expectLikeNothing(used, (key) => create(world.here.admin, world.second.id, key), randomUUID)).status).toBe(201);
    await expectLikeNothing(used, (key) => create(world.outsider, world.here.id, key), randomUUID);
    await expectLikeNothing(used, (key) => create(world.here.reader, world.here.id, key), randomUUID);
    // The control: to the same principal in the same workspace it is used.
    expect(await create(world.here.admin, world.here.id, used)).toMatchObject({ status: 409 });
  });
});

const PRECONDITIONS: Sent[] = [
  ...['"1"', '"99"', "*", "nonsense", 'W/"1"'].map((tag) => ({ body: { maxTokens: 5 }, headers: { "if-match": tag } })),
  ...[1, 99].map((version) => ({ body: { maxTokens: 5, version } })),
];

test.each(PRECONDITIONS)("a precondition tells nothing of an agent that is hidden or elsewhere: %j", async (sent) => {
  for (const user of world.below) {
    for (const id of [world.hidden.id, world.deleted.id, world.theirAgent.id]) {
      for (const method of ["PATCH", "DELETE", "GET"]) {
        const one = method === "PATCH" ? sent : { headers: sent.headers ?? {} };
        await expectLikeNothing(
          id,
          (name) => world.ask(user, method, agent(world.here.id, name), one),
          () => newId(Date.now()),
        );
      }
    }
  }
  expect(await world.ask(world.here.admin, "GET", agent(world.here.id, world.hidden.id))).toMatchObject({
    status: 200,
    headers: { etag: '"1"' },
  });
});

test("control: of an agent that they see, a stale version is a conflict and another workspace's id is not", async () => {
  const { here } = world;
  const { id } = await world.make(here, { name: "Seen" });
  const stale = { body: { maxTokens: 5, version: 99 } };
  expect(await world.ask(here.writer, "PATCH", agent(here.id, id), stale)).toMatchObject({ status: 409 });
  expect(await world.ask(here.reader, "PATCH", agent(here.id, id), stale)).toMatchObject({ status: 403 });
  expect(await world.ask(here.writer, "PATCH", agent(here.id, world.theirAgent.id), stale)).toMatchObject({ status: 404 });
});

test("whatever is wrong with a call, an outsider is told of a workspace what it is told of one that is not there", async () => {
  const calls: [string, string, Sent?][] = [
    ["GET", "?sortBy=nonsense"],
    ["GET", "?cursor=bWFkZSB1cA"],
    ["GET", "?limit=0"],
    ["GET", "?unknown=1"],
    ["GET", "?search=%ff"],
    ["POST", "", { body: {} }],
    ["POST", "", { body: { name: "Alpha", unknown: 1 } }],
    ["POST", "", { body: { name: "Alpha", workspaceId: "x" } }],
    ["POST", "", { body: "{" }],
    ["POST", "", { body: JSON.stringify({ name: "x".repeat(300_000) }) }],
    ["POST", "", { body: "name=x", headers: { "content-type": "text/plain" } }],
    ["POST", "", { body: { name: "Alpha" }, headers: { "idempotency-key": "a b" } }],
    ["PUT", "", { body: {} }],
    ["GET", "/nonsense"],
    ["PATCH", `/${world.hidden.id}`, { body: { version: "x" } }],
    ["PATCH", `/${world.hidden.id}`, { body: {}, headers: { "if-match": "nonsense" } }],
    ["DELETE", `/${world.hidden.id}`, { headers: { "if-match": '"1"' } }],
    ["POST", `/${world.deleted.id}/restore`, { body: {} }],
  ];
  const archived = await makeStaffedWorkspace(world.server.database.owner);
  await world.server.database.owner.query("update workspace set archived_at = now() where id = $1", [archived.id]);
  for (const [method, path, sent] of calls) {
    const of = (workspaceId: string) => world.ask(world.outsider, method, `${agents(workspaceId)}${path}`, sent);
    const absent = await of(randomUUID());
    expect(absent.status).toBeGreaterThanOrEqual(400);
    expect([method, path, await of(world.here.id)]).toEqual([method, path, absent]);
    expect([method, path, await of(archived.id)]).toEqual([method, path, absent]);
  }
});

test("a refused call costs as much of the minute, whatever it was refused for", async () => {
  const user = await makeSignedInUser(world.server.database.owner);
  await grantPermission(world.server.database.owner, { userId: user.id, workspaceId: world.here.id, permission: "read" });
  const remainingAfter = async (path: string) => {
    const { headers } = await fetch(`${world.server.url}/api/v1${path}`, { headers: user.headers });
    return Number(headers.get("x-ratelimit-remaining"));
  };
  await remainingAfter(agents(world.here.id)); // until it is recognised its calls are its address's
  const start = await remainingAfter(agents(world.here.id));
  const paths = [
    agents(world.theirs.id),
    agents(randomUUID()),
    agent(world.here.id, world.hidden.id),
    agent(world.here.id, world.deleted.id),
    agent(world.here.id, world.theirAgent.id),
    agent(world.here.id, newId(0)),
  ];
  const spent: number[] = [];
  for (const path of paths) spent.push(start - (await remainingAfter(path)));
  expect(spent).toEqual(paths.map((_, index) => index + 1));
});
