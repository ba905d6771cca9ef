import { afterAll, beforeAll, expect, test } from "vitest";
import { checkDatabase } from "../../server/db/check.ts";
import type { Dependencies } from "../../server/dependencies.ts";
import { asOlderSim, createTestDatabase, grantPermission, makeApiKey, type TestDatabase } from "../support/database.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeStaffedWorkspace } from "../support/workspace.ts";

let database: TestDatabase;
let dependencies: Dependencies;

beforeAll(async () => {
  database = await createTestDatabase();
  await asOlderSim(database.owner);
  dependencies = await createTestDependencies(database.appUrl);
});

afterAll(async () => {
  await dependencies?.close();
  await database?.drop();
});

test("beside a Sim of September 2025 sessions work, permissions rule, and a revocation is honoured at once", async () => {
  const { id: workspaceId, writer, reader } = await makeStaffedWorkspace(database.owner);
  const agentsOf = (headers: Record<string, string>) => callerWith(dependencies, headers).workspaces.agents;
  const { id: agentId } = await agentsOf(writer.headers).create({ workspaceId, name: "Scout" });
  expect(await agentsOf(reader.headers).get({ workspaceId, agentId })).toMatchObject({ accessLevel: "view" });
  await grantPermission(database.owner, { userId: reader.id, workspaceId, permission: "admin" });
  expect(await agentsOf(reader.headers).get({ workspaceId, agentId })).toMatchObject({ accessLevel: "manage" });
  await database.owner.query("delete from permissions where user_id = $1", [reader.id]);
  await expect(agentsOf(reader.headers).get({ workspaceId, agentId })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a stream of events there goes on for whoever may read, and ends with the permission", async () => {
  const { id: workspaceId, admin, writer } = await makeStaffedWorkspace(database.owner);
  const { agents, sessions, events } = callerWith(dependencies, admin.headers).workspaces;
  const { id: agentId } = await agents.create({ workspaceId, name: "Scout", isolationLevel: "workspace" });
  const { id: sessionId } = await sessions.create({ workspaceId, agentId });
  const stream = await callerWith(dependencies, writer.headers).workspaces.events.stream({ workspaceId, sessionId });
  const reading = stream[Symbol.asyncIterator]();
  const first = reading.next();
  await dependencies.services.eventHub.decideAll();
  await events.append({ workspaceId, sessionId, events: [{ kind: "custom", source: "system", data: { n: 1 } }] });
  expect(await first).toMatchObject({ done: false });
  const end = reading.next();
  await Promise.all([
    expect(end).rejects.toMatchObject({ code: "NOT_FOUND" }),
    database.owner.query("delete from permissions where user_id = $1", [writer.id]),
  ]);
});

test("its API keys cannot be looked up by hash, so none is accepted", async () => {
  const { id: workspaceId, writer } = await makeStaffedWorkspace(database.owner);
  const { plain } = await makeApiKey(database.owner, { userId: writer.id });
  await expect(callerWith(dependencies, { "x-api-key": plain }).workspaces.agents.list({ workspaceId })).rejects.toMatchObject({
    code: "UNAUTHORIZED",
  });
});

test("the check of the database says what is degraded, and that it is fit", async () => {
  const findings = await checkDatabase(dependencies.database.sim);
  expect(findings.filter(({ level }) => level === "unfit")).toEqual([]);
  expect(findings.filter(({ level }) => level === "degraded").map(({ message }) => message)).toEqual([
    expect.stringContaining("archived_at"),
    expect.stringContaining("organization_id"),
    expect.stringContaining("allow_personal_api_keys"),
    expect.stringContaining("banned"),
    expect.stringContaining("key_hash"),
    expect.stringContaining("permission_group"),
  ]);
});
