import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../server/shared/ids.ts";
import { assertDocumented } from "../rest/documented.ts";
import { createMovableClock } from "../support/clock.ts";
import { withConnection } from "../support/connection.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";
import { breakingOf } from "./breakages.ts";

const clock = createMovableClock();
let server: TestServer;
const { breakages, changeState, replaceGuard, restoreGuard } = breakingOf(() => server.database);

beforeAll(async () => {
  server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0", LOG_LEVEL: "error" }, { clock });
});

afterAll(() => server?.stop());

const CHECKS = [
  "role",
  "policies",
  "canary",
  "guard",
  "keys",
  "boundary",
  "re-signing",
  "detection",
  "contexts",
  "violations",
  "dead-letters",
  "verification",
];
const owner = (text: string, values: unknown[] = []) => server.database.owner.query(text, values);

async function restHealth({ id, reader }: TestWorkspace) {
  clock.forward(10_000);
  const path = `/workspaces/${id}/isolation/health`;
  const response = await server.app.inject({ url: `/api/v1${path}`, headers: reader.headers });
  assertDocumented("GET", path, response);
  return response;
}

/** The status of each check that is not healthy, by its name, and the whole. */
function seen(health: { status: string; checks: { name: string; status: string }[] }) {
  const troubled = health.checks.filter(({ status }) => status !== "healthy").map(({ name, status }) => [name, status]);
  return { status: health.status, troubled: Object.fromEntries(troubled) as Record<string, string> };
}

const HEALTHY = { status: "healthy", troubled: {} };

async function makeInhabited(): Promise<TestWorkspace> {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const created = await server.app.inject({
    method: "POST",
    url: `/api/v1/workspaces/${workspace.id}/agents`,
    headers: workspace.admin.headers,
    payload: { name: "Scout" },
  });
  expect(created.statusCode).toBe(201);
  return workspace;
}

test("a workspace in order is healthy, with every check's evidence, over both transports", async () => {
  const workspace = await makeInhabited();
  const response = await restHealth(workspace);
  expect(response.statusCode).toBe(200);
  const health = response.json();
  expect(health).toMatchObject({
    workspaceId: workspace.id,
    status: "healthy",
    isolationSystem: "operational",
    securityValidation: { status: "passed", passed: CHECKS.length, total: CHECKS.length },
    error: null,
    reasons: [],
    lastViolationAt: null,
    isolation: { workspaceId: workspace.id, verified: true },
  });
  expect(health.checks.map(({ name }: { name: string }) => name)).toEqual(CHECKS);
  for (const check of health.checks) expect(Object.keys(check.evidence), check.name).not.toEqual([]);
  expect(health.checks[2].evidence).toMatchObject({ hasControl: true, visibleInOtherWorkspace: 0, visibleWithoutWorkspace: 0 });
  const input = encodeURIComponent(JSON.stringify({ json: { workspaceId: workspace.id } }));
  const trpc = await server.app.inject({
    url: `/api/trpc/workspaces.isolation.health?input=${input}`,
    headers: workspace.reader.headers,
  });
  expect(trpc.json().result.data.json).toMatchObject({ status: "healthy" });
});

test("a workspace that nothing was ever made in is healthy", async () => {
  const response = await restHealth(await makeStaffedWorkspace(server.database.owner));
  expect([response.statusCode, seen(response.json())]).toEqual([200, HEALTHY]);
});

test("an event of Sim's that was given up makes its workspace degraded, and no other, until it is carried out", async () => {
  const [workspace, other] = [await makeInhabited(), await makeInhabited()];
  await withConnection(server.database.superuserUrl, (admin) =>
    admin.query(
      `INSERT INTO parlant.parlant_webhook_delivery (workspace_id, id, kind, body, body_sha256, status, attempts, last_error, received_at)
       VALUES ($1, 'given-up', 'workspace_event', '{}', sha256('{}'), 'dead', 4, 'a reason', now())`,
      [workspace.id],
    ),
  );
  const troubled = await restHealth(workspace);
  expect([troubled.statusCode, seen(troubled.json())]).toEqual([
    200,
    { status: "degraded", troubled: { "dead-letters": "degraded" } },
  ]);
  expect(seen((await restHealth(other)).json())).toEqual(HEALTHY);
  await withConnection(server.database.superuserUrl, (admin) =>
    admin.query("UPDATE parlant.parlant_webhook_delivery SET status = 'done', processed_at = now() WHERE workspace_id = $1", [
      workspace.id,
    ]),
  );
  expect(seen((await restHealth(workspace)).json())).toEqual(HEALTHY);
});

describe.each(breakages)("when $name", ({ damage, repair, unhealthy, reason }) => {
  test("it is unhealthy for just that, serves on, and is healthy again within 10 s of the repair", async () => {
    const workspace = await makeInhabited();
    expect(seen((await restHealth(workspace)).json())).toEqual(HEALTHY);
    await damage(workspace);
    try {
      const response = await restHealth(workspace);
      const health = response.json();
      const troubled = Object.fromEntries(unhealthy.map((name) => [name, "unhealthy"]));
      expect([response.statusCode, seen(health)]).toEqual([503, { status: "unhealthy", troubled }]);
      expect(
        health.reasons.some((one: string) => reason.test(one)),
        health.reasons.join("\n"),
      ).toBe(true);
      expect(health.error).toBe(health.reasons[0]);
      for (const name of unhealthy) {
        expect(health.checks.find((check: { name: string }) => check.name === name)).toMatchObject({
          remedy: expect.any(String),
        });
      }
      const url = `/api/v1/workspaces/${workspace.id}/agents`;
      expect((await server.app.inject({ url, headers: workspace.reader.headers })).statusCode).toBe(200);
    } finally {
      await repair(workspace);
    }
    const mended = await restHealth(workspace);
    expect([mended.statusCode, seen(mended.json())]).toEqual([200, HEALTHY]);
  });
});

test("a state that is gone is told, as long as nobody has made another; what it kept is gone for good", async () => {
  const workspace = await makeInhabited();
  const state = await changeState(workspace.id, "select key_salt from parlant.parlant_workspace_state where workspace_id = $1");
  await changeState(workspace.id, "delete from parlant.parlant_workspace_state where workspace_id = $1");
  const health = (await restHealth(workspace)).json();
  expect(seen(health)).toEqual({ status: "unhealthy", troubled: { keys: "unhealthy" } });
  expect(health.reasons[0]).toMatch(/^keys: The workspace's state is gone/);
  await changeState(
    workspace.id,
    "insert into parlant.parlant_workspace_state (workspace_id, key_salt) values ($1, $2)",
    state[0]?.["key_salt"],
  );
  expect(seen((await restHealth(workspace)).json())).toEqual(HEALTHY);
});

test("a row that only row-level security kept out of another workspace is told, and passes", async () => {
  const [workspace, other] = [await makeInhabited(), await makeInhabited()];
  const { database, refusals, services } = server.dependencies;
  const text = "select parlant.parlant_enter_system($1, $2)";
  const binding = { workspaceId: workspace.id, prelude: { name: "system", text, values: [workspace.id, "test"] } };
  const now = new Date();
  const ids = { workspaceId: other.id, agentId: newId(now.getTime()), userId: "u" };
  const intrude = (isExtensionOn: boolean) => {
    const { agentGrant } = database.openWorkspace(binding, { isExtensionOn });
    const createMany = agentGrant.createMany as (args: object) => Promise<unknown>;
    return createMany({ data: [{ ...ids, level: "view", createdAt: now, updatedAt: now }] });
  };
  const healthOf = async ({ id }: TestWorkspace) => seen(await services.isolation.health(id));
  const before = refusals.total();
  await expect(intrude(false)).rejects.toThrow("row-level security");
  expect(refusals.total() - before).toBe(1);
  expect(await healthOf(workspace)).toEqual({ status: "degraded", troubled: { detection: "degraded" } });
  expect(await healthOf(other)).toEqual(HEALTHY);
  clock.forward(10_000);
  expect(await healthOf(workspace)).toEqual(HEALTHY);
  // Control: what the client confines by itself is none.
  await expect(async () => intrude(true)).rejects.toThrow("workspaceId of the caller");
  expect(refusals.total() - before).toBe(1);
});

test("a guard that turns everybody away is told to whoever can still ask", async () => {
  const workspace = await makeInhabited();
  await replaceGuard("raise exception 'no' using errcode = 'PA001';");
  clock.forward(10_000);
  const health = await server.dependencies.services.isolation.health(workspace.id);
  await restoreGuard();
  expect(seen(health)).toEqual({ status: "degraded", troubled: { guard: "degraded" } });
});

test("readers are let in, and a caller from elsewhere learns no more than that there is nothing", async () => {
  const [workspace, other] = [await makeInhabited(), await makeInhabited()];
  const get = (path: string, headers: Record<string, string>) =>
    server.app.inject({ url: `/api/v1/workspaces/${workspace.id}/isolation/${path}`, headers });
  for (const path of ["health", "report"]) {
    expect((await get(path, other.admin.headers)).statusCode).toBe(404);
    expect((await get(path, {})).statusCode).toBe(401);
  }
  expect((await get("health", workspace.reader.headers)).statusCode).toBe(200);
  const refused = await get("report", workspace.writer.headers);
  expect([refused.statusCode, refused.json().error.details]).toEqual([
    403,
    { code: "INSUFFICIENT_WORKSPACE_ROLE", required: "admin", actual: "write" },
  ]);
});

test("an answer that still stands is no longer given to whoever has lost the permission", async () => {
  const workspace = await makeInhabited();
  const get = () =>
    server.app.inject({ url: `/api/v1/workspaces/${workspace.id}/isolation/health`, headers: workspace.reader.headers });
  expect((await get()).statusCode).toBe(200);
  await owner("delete from permissions where user_id = $1", [workspace.reader.id]);
  expect((await get()).statusCode).toBe(404);
});
