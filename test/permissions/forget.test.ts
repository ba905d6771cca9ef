import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { createTestDatabase, grantPermission, type TestDatabase } from "../support/database.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace, type TestUser } from "../support/workspace.ts";

let database: TestDatabase;
const open: Dependencies[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));
afterAll(() => database?.drop());

async function startInstance(isListening = true): Promise<Dependencies> {
  const instance = await createTestDependencies(database.appUrl, { PERMISSION_CACHE_TTL: "3600" });
  open.push(instance);
  if (isListening) await instance.database.hints.start();
  return instance;
}

/** Whether the instance still remembers the user's permission in the workspace; asking does not make it. */
async function isRemembered({ services }: Dependencies, user: TestUser, workspaceId: string): Promise<boolean> {
  const caller = await services.findCaller(new Headers(user.headers), false);
  if (!caller) throw new Error("The user's session is not valid");
  return (await services.resolveAccess(caller, workspaceId, false)).isRemembered;
}

async function rememberedBy(instance: Dependencies) {
  const [first, second] = [await makeStaffedWorkspace(database.owner), await makeStaffedWorkspace(database.owner)];
  await grantPermission(database.owner, { userId: first.writer.id, workspaceId: second.id, permission: "read" });
  const all = [
    [first.writer, first.id],
    [first.reader, first.id],
    [first.writer, second.id],
    [second.reader, second.id],
  ] as const;
  for (const [user, workspaceId] of all) await callerWith(instance, user.headers).workspaces.agents.list({ workspaceId });
  const left = () => Promise.all(all.map(([user, workspaceId]) => isRemembered(instance, user, workspaceId)));
  return { first, second, left };
}

test.each([
  ["a user in a workspace", "first", "writer", [false, true, true, true]],
  ["a user everywhere", null, "writer", [false, true, false, true]],
  ["everyone in a workspace", "first", null, [false, false, true, true]],
  ["everyone everywhere", null, null, [false, false, false, false]],
] as const)(
  "a hint on the permissions of %s is heeded by the other instances, and nothing else is forgotten",
  async (_, workspace, user, left) => {
    const [one, other] = [await startInstance(), await startInstance()];
    const remembered = await rememberedBy(other);
    await one.database.hints.publish({
      kind: "permissions",
      workspaceId: workspace && remembered[workspace].id,
      userId: user && remembered.first[user].id,
    });
    const heard = Promise.withResolvers<void>();
    other.database.hints.subscribe((hint) => {
      if (hint.kind === "caches") heard.resolve();
    });
    // Told after it, on the same channel.
    await one.database.hints.publish({ kind: "caches", workspaceId: "elsewhere", userId: null });
    await heard.promise;
    expect(await remembered.left()).toEqual(left);
  },
);

test("control: an instance that hears nothing still remembers, and honours nothing that was revoked", async () => {
  const [one, deaf] = [await startInstance(), await startInstance(false)];
  const { first, left } = await rememberedBy(deaf);
  await database.owner.query("delete from permissions where user_id = $1 and entity_id = $2", [first.writer.id, first.id]);
  await one.database.hints.publish({ kind: "permissions", workspaceId: first.id, userId: first.writer.id });
  expect(await left()).toEqual([true, true, true, true]);
  const list = callerWith(deaf, first.writer.headers).workspaces.agents.list({ workspaceId: first.id });
  await expect(list).rejects.toMatchObject({ code: "NOT_FOUND" });
});
