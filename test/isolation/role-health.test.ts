import { randomBytes } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { grantToApplication } from "../../server/db/roles.ts";
import { systemBinding } from "../../server/db/system-binding.ts";
import type { Dependencies } from "../../server/dependencies.ts";
import { createMovableClock } from "../support/clock.ts";
import { connectInUtc, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

const clock = createMovableClock();
// Its own, because a role is every database's: the tests beside this one use theirs.
const role = `parlant_role_test_${randomBytes(4).toString("hex")}`;
let database: TestDatabase;
let superuser: pg.Client;
let dependencies: Dependencies;
let workspace: TestWorkspace;

beforeAll(async () => {
  database = await createTestDatabase();
  superuser = await connectInUtc(database.superuserUrl);
  const password = randomBytes(16).toString("hex");
  await superuser.query(`create role ${role} login nosuperuser nobypassrls nocreatedb nocreaterole password '${password}'`);
  await grantToApplication(database.owner, role);
  const url = new URL(database.appUrl);
  url.username = role;
  url.password = password;
  dependencies = await createTestDependencies(url.href, {}, clock);
  workspace = await makeStaffedWorkspace(database.owner);
  await callerWith(dependencies, workspace.admin.headers).workspaces.agents.create({ workspaceId: workspace.id, name: "Scout" });
});

afterAll(async () => {
  await dependencies?.close();
  await superuser?.query(`drop owned by ${role}; drop role ${role}`);
  await superuser?.end();
  await database?.drop();
});

async function health() {
  clock.forward(10_000);
  const { isolation } = callerWith(dependencies, workspace.reader.headers).workspaces;
  const { status, checks } = await isolation.health({ workspaceId: workspace.id });
  const troubled = checks.filter((check) => check.status !== "healthy");
  return { status, troubled: troubled.map((check) => [check.name, check.status]), text: JSON.stringify(checks) };
}

test.each([
  ["bypassrls", "nobypassrls", ["role", "canary"]],
  ["superuser", "nosuperuser", ["role", "canary"]],
  ["createrole", "nocreaterole", ["role"]],
])(
  "a role that becomes %s is unhealthy at once, without its name being told, and healthy again once it is %s",
  async (might, no, names) => {
    expect(await health()).toMatchObject({ status: "healthy", troubled: [] });
    await superuser.query(`alter role ${role} ${might}`);
    const broken = await health();
    await superuser.query(`alter role ${role} ${no}`);
    expect(broken).toMatchObject({ status: "unhealthy", troubled: names.map((name) => [name, "unhealthy"]) });
    expect(broken.text).not.toContain(role);
    expect(await health()).toMatchObject({ status: "healthy", troubled: [] });
  },
);

/** How many rows of other workspaces the statement sees, on whichever connections are free. */
async function strangersSeen(name: string): Promise<number> {
  const binding = systemBinding("another", "test");
  const statement = { name, text: "select id from parlant.parlant_agent", values: [] };
  const runs = Array.from({ length: 16 }, () => dependencies.database.queryBound(binding, statement));
  return (await Promise.all(runs)).flat().length;
}

test.each([
  ["bypassrls", "nobypassrls"],
  ["superuser", "nosuperuser"],
])("what was planned while a role was %s is given up once it is seen to be %s again", async (might, no) => {
  const name = `planned_as_${might}`;
  await superuser.query(`alter role ${role} ${might}`);
  expect(await strangersSeen(name)).toBeGreaterThan(0);
  expect((await health()).status).toBe("unhealthy");
  await superuser.query(`alter role ${role} ${no}`);
  // Control: on the connections of that time row-level security goes on not binding the statement.
  expect(await strangersSeen(name)).toBeGreaterThan(0);
  expect((await health()).status).toBe("healthy");
  expect(await strangersSeen(name)).toBe(0);
});

test("a role that may read more of Sim's than it needs is degraded", async () => {
  await database.owner.query(`grant insert on public.workspace to ${role}`);
  const degraded = await health();
  await database.owner.query(`revoke insert on public.workspace from ${role}`);
  expect(degraded).toMatchObject({ status: "degraded", troubled: [["role", "degraded"]] });
  expect(await health()).toMatchObject({ status: "healthy" });
});
