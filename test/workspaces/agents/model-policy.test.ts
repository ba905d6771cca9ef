import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { makeApiKey, makeOrganization } from "../../support/database.ts";
import { openDependencies } from "../../support/open-dependencies.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../../support/workspace.ts";

const { database, dependencies } = await openDependencies();

interface Group {
  config: object;
  isDefault?: boolean;
  isOfWorkspace?: boolean;
  members?: string[];
}

/** A workspace of an organization with these permission groups, oldest first. */
async function makeGoverned(groupsOf: (workspace: TestWorkspace) => Group[]): Promise<TestWorkspace> {
  const { owner } = database;
  const workspace = await makeStaffedWorkspace(owner);
  const { id: organizationId } = await makeOrganization(owner);
  await owner.query("update workspace set organization_id = $2 where id = $1", [workspace.id, organizationId]);
  for (const [index, { config, isDefault = false, isOfWorkspace = false, members = [] }] of groupsOf(workspace).entries()) {
    const id = randomUUID();
    await owner.query(
      `insert into permission_group (id, organization_id, name, config, created_by, is_default, created_at)
       values ($1, $2, $1, $3, $4, $5, timestamp '2026-01-01' + $6 * interval '1 day')`,
      [id, organizationId, JSON.stringify(config), workspace.admin.id, isDefault, index],
    );
    if (isOfWorkspace) {
      await owner.query(
        "insert into permission_group_workspace (id, permission_group_id, workspace_id, organization_id) values ($1, $2, $3, $4)",
        [randomUUID(), id, workspace.id, organizationId],
      );
    }
    for (const userId of members) {
      await owner.query(
        "insert into permission_group_member (id, permission_group_id, organization_id, user_id) values ($1, $2, $3, $4)",
        [randomUUID(), id, organizationId, userId],
      );
    }
  }
  return workspace;
}

const agentsOf = (headers: Record<string, string>) => callerWith(dependencies, headers).workspaces.agents;
const refused = { code: "FORBIDDEN", cause: { details: { code: "MODEL_NOT_ALLOWED" } } };
const openaiOnly = { allowedModelProviders: ["openai"], deniedModels: ["GPT-4o-mini"] };

test("a model that the caller's permission group forbids is refused at create and update, and nothing is written", async () => {
  const { id: workspaceId, writer } = await makeGoverned(() => [{ config: openaiOnly, isDefault: true }]);
  const agents = agentsOf(writer.headers);
  const create = (model: { modelProvider?: string; modelName?: string }) =>
    agents.create({ workspaceId, name: "Scout", ...model });
  await expect(create({ modelProvider: "anthropic", modelName: "claude" })).rejects.toMatchObject(refused);
  await expect(create({ modelProvider: "openai", modelName: "gpt-4O-mini" })).rejects.toMatchObject(refused);
  await expect(create({ modelName: "gpt-5" })).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining("name the provider"),
  });
  expect((await agents.list({ workspaceId })).data).toEqual([]);

  const { id: agentId } = await create({ modelProvider: "OpenAI", modelName: "gpt-5" });
  await expect(agents.update({ workspaceId, agentId, modelName: "gpt-4o-mini" })).rejects.toMatchObject(refused);
  await expect(agents.update({ workspaceId, agentId, modelProvider: "mistral" })).rejects.toMatchObject(refused);
  expect(await agents.get({ workspaceId, agentId })).toMatchObject({ modelProvider: "OpenAI", modelName: "gpt-5", version: 1 });
  await agents.update({ workspaceId, agentId, modelProvider: null, modelName: null });
});

test("what an agent has already is judged when its model changes, not when something else does", async () => {
  const { id: workspaceId, writer } = await makeGoverned(() => []);
  const agents = agentsOf(writer.headers);
  const { id: agentId } = await agents.create({ workspaceId, name: "Scout", modelProvider: "anthropic", modelName: "claude" });
  await database.owner.query(
    `insert into permission_group (id, organization_id, name, config, created_by, is_default)
     select $1, organization_id, 'late', $2, $3, true from workspace where id = $4`,
    [randomUUID(), JSON.stringify(openaiOnly), writer.id, workspaceId],
  );
  expect(await agents.update({ workspaceId, agentId, name: "Scout 2" })).toMatchObject({ version: 2 });
  await expect(agents.update({ workspaceId, agentId, modelName: "claude-2" })).rejects.toMatchObject(refused);
});

const ANTHROPIC = { modelProvider: "anthropic", modelName: "claude" };
const nothing = { allowedModelProviders: [] };

test.each<[string, boolean, (workspace: TestWorkspace) => Group[]]>([
  ["no group at all", true, () => []],
  ["the default", false, () => [{ config: nothing, isDefault: true }]],
  [
    "a group of the workspace before the default",
    true,
    () => [
      { config: nothing, isDefault: true },
      { config: {}, isOfWorkspace: true },
    ],
  ],
  [
    "the user's own group before one of the workspace without members",
    true,
    ({ writer }) => [
      { config: nothing, isOfWorkspace: true },
      { config: {}, isOfWorkspace: true, members: [writer.id] },
    ],
  ],
  ["no group whose members are others", true, ({ reader }) => [{ config: nothing, isOfWorkspace: true, members: [reader.id] }]],
  ["no group of other workspaces", true, ({ writer }) => [{ config: nothing, members: [writer.id] }]],
  [
    "the oldest of two of a rank",
    false,
    () => [
      { config: nothing, isOfWorkspace: true },
      { config: {}, isOfWorkspace: true },
    ],
  ],
  ["a group that cannot be read allows nothing", false, () => [{ config: { deniedModels: "all" }, isDefault: true }]],
])("a user is governed by %s", async (_, isAllowed, groupsOf) => {
  const { id: workspaceId, writer } = await makeGoverned(groupsOf);
  const created = agentsOf(writer.headers).create({ workspaceId, name: "Scout", ...ANTHROPIC });
  if (isAllowed) expect(await created).toMatchObject(ANTHROPIC);
  else await expect(created).rejects.toMatchObject(refused);
});

test("a workspace key, which has no user, is governed by what governs everyone", async () => {
  const {
    id: workspaceId,
    admin,
    writer,
  } = await makeGoverned(({ admin }) => [
    { config: {}, isOfWorkspace: true, members: [admin.id] },
    { config: nothing, isDefault: true },
  ]);
  const { plain } = await makeApiKey(database.owner, { userId: admin.id, workspaceId });
  await expect(agentsOf({ "x-api-key": plain }).create({ workspaceId, name: "A", ...ANTHROPIC })).rejects.toMatchObject(refused);
  await expect(agentsOf(writer.headers).create({ workspaceId, name: "B", ...ANTHROPIC })).rejects.toMatchObject(refused);
  expect(await agentsOf(admin.headers).create({ workspaceId, name: "C", ...ANTHROPIC })).toMatchObject(ANTHROPIC);
});
