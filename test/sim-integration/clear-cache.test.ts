import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../client-sdk/src/index.ts";
import type { Dependencies } from "../../server/dependencies.ts";
import { internalHeaders } from "../support/internal.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace, type TestUser, type TestWorkspace } from "../support/workspace.ts";

let server: TestServer;
let other: Dependencies;
let elsewhere: TestWorkspace;

beforeAll(async () => {
  server = await startTestServer();
  other = await createTestDependencies(server.database.appUrl);
  await other.database.hints.start();
  elsewhere = await makeStaffedWorkspace(server.database.owner);
});

afterAll(async () => {
  await other?.close();
  await server?.stop();
});

/** Which of the two workspaces the other instance remembers its reader in; asking one that it forgot makes it remember. */
async function rememberedElsewhere(): Promise<boolean[]> {
  const isRemembered = async (user: TestUser, workspaceId: string) => {
    const caller = await other.services.findCaller(new Headers(user.headers), false);
    if (!caller) throw new Error("The user's session is not valid");
    return (await other.services.resolveAccess(caller, workspaceId, false)).isRemembered;
  };
  return Promise.all([isRemembered(server.workspace.reader, server.workspace.id), isRemembered(elsewhere.reader, elsewhere.id)]);
}

const clear = (headers: Record<string, string>, body: object) =>
  fetch(`${server.url}/api/v1/sim-integration/cache/clear`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

test("an admin clears what any instance remembers of the workspace, and of no other", async () => {
  await rememberedElsewhere();
  expect(await rememberedElsewhere()).toEqual([true, true]);
  const { id: workspaceId, admin, reader } = server.workspace;
  await callerWith(server.dependencies, reader.headers).workspaces.agents.list({ workspaceId });
  const answer = await clear(admin.headers, { workspaceId });
  expect(answer.status).toBe(200);
  expect((await answer.json()) as object).toEqual({ cleared: expect.any(Number) });
  await expect.poll(rememberedElsewhere).toEqual([false, true]);
});

test("whoever is no admin there clears nothing, and without a workspace nobody but Sim's backend", async () => {
  await rememberedElsewhere();
  const { id: workspaceId, admin, writer } = server.workspace;
  const refusals = [
    await clear({}, { workspaceId }),
    await clear(writer.headers, { workspaceId }),
    await clear(elsewhere.admin.headers, { workspaceId }),
    await clear(admin.headers, {}),
    await clear(admin.headers, { userId: writer.id }),
    await clear(admin.headers, { workspaceId, anything: 1 }),
    await clear(await internalHeaders(writer.id), { workspaceId }),
  ];
  expect(refusals.map(({ status }) => status)).toEqual([401, 403, 404, 403, 403, 400, 403]);
  expect(await rememberedElsewhere()).toEqual([true, true]);
});

test("Sim's backend clears everything, or what is remembered of one user", async () => {
  await rememberedElsewhere();
  const token = (await internalHeaders()).authorization?.replace("Bearer ", "") ?? "";
  const { integration } = createClient({ baseUrl: server.url, token });
  await integration.cache.clear({ userId: elsewhere.reader.id });
  await expect.poll(rememberedElsewhere).toEqual([true, false]);
  await rememberedElsewhere();
  expect(await integration.cache.clear()).toEqual({ cleared: expect.any(Number) });
  await expect.poll(rememberedElsewhere).toEqual([false, false]);
});
