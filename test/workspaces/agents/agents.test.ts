import { expect, test } from "vitest";
import { openDependencies } from "../../support/open-dependencies.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace } from "../../support/workspace.ts";

const { database, dependencies } = await openDependencies();

async function staffed() {
  const workspace = await makeStaffedWorkspace(database.owner);
  const as = (user: { headers: Record<string, string> }, headers: Record<string, string> = {}) =>
    callerWith(dependencies, { ...user.headers, ...headers }).workspaces.agents;
  return { workspaceId: workspace.id, ...workspace, as };
}

test("a writer creates an agent with every default, and everyone in the workspace reads it at their own level", async () => {
  const { workspaceId, writer, reader, admin, as } = await staffed();
  const created = await as(writer).create({ workspaceId, name: "  Scout " });
  expect(created).toMatchObject({
    workspaceId,
    name: "Scout",
    status: "active",
    temperature: 0.7,
    maxTokens: 2000,
    maxEngineIterations: 3,
    tags: [],
    metadata: {},
    createdBy: writer.id,
    createdByKeyId: null,
    version: 1,
    accessLevel: "manage",
    isolation: { workspaceId, level: "strict", verified: true },
  });
  const agentId = created.id;
  expect(await as(reader).get({ workspaceId, agentId })).toEqual({ ...created, accessLevel: "view" });
  expect(await as(admin).get({ workspaceId, agentId })).toEqual(created);
});

test("a reader cannot create an agent, and nothing of it is written but the denial", async () => {
  const { workspaceId, reader, as } = await staffed();
  await expect(as(reader).create({ workspaceId, name: "Scout" })).rejects.toMatchObject({
    code: "FORBIDDEN",
    cause: { details: { code: "INSUFFICIENT_WORKSPACE_ROLE", required: "write", actual: "read" } },
  });
  expect((await as(reader).list({ workspaceId })).data).toEqual([]);
  expect((await auditRows(workspaceId)).filter(({ outcome }) => outcome !== "denied")).toEqual([]);
});

test("an update changes what it names, clears with null, raises the version and leaves an audit row without the prompt's text", async () => {
  const { workspaceId, writer, as } = await staffed();
  const created = await as(writer).create({ workspaceId, name: "Scout", description: "first", systemPrompt: "be kind" });
  const ref = { workspaceId, agentId: created.id };
  const updated = await as(writer).update({ ...ref, description: null, systemPrompt: "be brief", version: 1 });
  expect(updated).toMatchObject({ name: "Scout", description: null, systemPrompt: "be brief", version: 2 });
  await expect(as(writer).update({ ...ref, name: "Late", version: 1 })).rejects.toMatchObject({
    code: "CONFLICT",
    cause: { details: { code: "VERSION_CONFLICT", currentVersion: 2 } },
  });
  expect(await as(writer).get(ref)).toEqual(updated);
  const [, change] = await auditRows(workspaceId);
  expect(change).toMatchObject({ action: "agent.update", actor_id: writer.id, target_id: created.id });
  expect(JSON.stringify(change)).not.toContain("be brief");
});

test("concurrent updates without a version all land, one after the other", async () => {
  const { workspaceId, writer, as } = await staffed();
  const { id: agentId } = await as(writer).create({ workspaceId, name: "Scout" });
  const results = await Promise.allSettled(
    [1, 2, 3].map((maxEngineIterations) =>
      as(writer).update({ workspaceId, agentId, maxEngineIterations, description: `${maxEngineIterations}` }),
    ),
  );
  const landed = results.filter((result) => result.status === "fulfilled").length;
  expect(results.filter((result) => result.status === "rejected").map((result) => result.reason.code)).toEqual(
    Array(3 - landed).fill("CONFLICT"),
  );
  expect((await as(writer).get({ workspaceId, agentId })).version).toBe(1 + landed);
  expect((await auditActions(workspaceId)).filter((action) => action === "agent.update")).toHaveLength(landed);
});

test("a name is unique without regard to case among agents that everyone sees; restricted agents reserve none", async () => {
  const { workspaceId, writer, admin, as } = await staffed();
  const first = await as(writer).create({ workspaceId, name: "Straße Ünit" });
  await expect(as(admin).create({ workspaceId, name: "STRAßE ÜNIT" })).rejects.toMatchObject({ code: "CONFLICT" });
  const hidden = await as(admin).create({ workspaceId, name: "straße ünit", visibility: "restricted" });
  await expect(as(admin).update({ workspaceId, agentId: hidden.id, visibility: "workspace" })).rejects.toMatchObject({
    code: "CONFLICT",
  });
  await as(writer).delete({ workspaceId, agentId: first.id });
  await as(admin).update({ workspaceId, agentId: hidden.id, visibility: "workspace" });
  await expect(as(writer).restore({ workspaceId, agentId: first.id })).rejects.toMatchObject({ code: "CONFLICT" });
});

test("a restricted agent is absent for all but admins and its creator: by id, in the list, and to a change", async () => {
  const { workspaceId, admin, writer, reader, as } = await staffed();
  const ofAdmin = await as(admin).create({ workspaceId, name: "Hidden", visibility: "restricted" });
  const ofWriter = await as(writer).create({ workspaceId, name: "Own", visibility: "restricted" });
  for (const user of [writer, reader]) {
    const ref = { workspaceId, agentId: ofAdmin.id };
    await expect(as(user).get(ref)).rejects.toMatchObject({ code: "NOT_FOUND", message: "Agent not found" });
    await expect(as(user).update({ ...ref, name: "Mine" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(as(user).delete(ref)).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
  expect((await as(writer).list({ workspaceId })).data.map(({ id }) => id)).toEqual([ofWriter.id]);
  expect((await as(reader).list({ workspaceId })).data).toEqual([]);
  expect((await as(admin).list({ workspaceId })).data.map(({ name }) => name)).toEqual(["Own", "Hidden"]);
  expect((await as(writer).get({ workspaceId, agentId: ofWriter.id })).accessLevel).toBe("manage");
});

test("a writer configures another's agent and cannot delete it or hide it", async () => {
  const { workspaceId, admin, writer, as } = await staffed();
  const { id: agentId } = await as(admin).create({ workspaceId, name: "Shared" });
  expect((await as(writer).update({ workspaceId, agentId, tags: ["a"] })).tags).toEqual(["a"]);
  const refusal = {
    code: "FORBIDDEN",
    cause: { details: { code: "INSUFFICIENT_AGENT_LEVEL", required: "manage", actual: "configure" } },
  };
  await expect(as(writer).delete({ workspaceId, agentId })).rejects.toMatchObject(refusal);
  await expect(as(writer).update({ workspaceId, agentId, visibility: "restricted" })).rejects.toMatchObject(refusal);
});

test("a deleted agent answers 404 everywhere until it is restored as it was", async () => {
  const { workspaceId, writer, as } = await staffed();
  const agent = await as(writer).create({ workspaceId, name: "Scout" });
  const ref = { workspaceId, agentId: agent.id };
  expect(await as(writer).delete(ref)).toMatchObject({ id: agent.id, deletedAt: expect.any(Date), isolation: { workspaceId } });
  await expect(as(writer).get(ref)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(as(writer).update({ ...ref, name: "x" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(as(writer).delete(ref)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await as(writer).list({ workspaceId, includeArchived: true })).data).toEqual([]);
  expect(await as(writer).restore(ref)).toMatchObject({ id: agent.id, name: "Scout", version: 3 });
  expect(await auditActions(workspaceId)).toEqual(["agent.create", "agent.delete", "agent.restore"]);
});

test("the list filters, searches without wildcards, sorts both ways and pages through everything once", async () => {
  const { workspaceId, writer, admin, as } = await staffed();
  const names = ["alpha", "Beta", "gamma 100%", "delta", "epsilon"];
  for (const [index, name] of names.entries()) {
    await as(index % 2 ? admin : writer).create({
      workspaceId,
      name,
      tags: index < 2 ? ["early"] : [],
      description: `Number ${index}`,
    });
  }
  await as(admin).create({ workspaceId, name: "sleeping", status: "inactive" });
  const list = (input: object) => as(writer).list({ workspaceId, sortBy: "name", sortOrder: "asc", ...input });
  const found = async (input: object) => (await list(input)).data.map(({ name }) => name);
  expect(await found({})).toEqual(["alpha", "Beta", "delta", "epsilon", "gamma 100%", "sleeping"]);
  expect(await found({ tag: "early", sortOrder: "desc" })).toEqual(["Beta", "alpha"]);
  expect(await found({ status: "inactive" })).toEqual(["sleeping"]);
  expect(await found({ createdBy: admin.id })).toEqual(["Beta", "delta", "sleeping"]);
  expect(await found({ search: "BETA" })).toEqual(["Beta"]);
  expect(await found({ search: "number 3" })).toEqual(["delta"]);
  expect(await found({ search: "%" })).toEqual(["gamma 100%"]);
  expect(await found({ search: "_" })).toEqual([]);
  for (const order of [{}, { sortOrder: "desc" }, { sortBy: "createdAt" }, { sortBy: "updatedAt", sortOrder: "desc" }]) {
    const whole = await found(order);
    const paged: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ ...order, limit: 2, ...(cursor && { cursor }) });
      paged.push(...page.data.map(({ name }) => name));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(paged).toEqual(whole);
  }
});

test("a cursor is good for its own query and workspace alone", async () => {
  const { workspaceId, writer, as } = await staffed();
  for (const name of ["a", "b", "c"]) await as(writer).create({ workspaceId, name });
  const { nextCursor } = await as(writer).list({ workspaceId, limit: 1 });
  const cursor = String(nextCursor);
  expect((await as(writer).list({ workspaceId, limit: 2, cursor })).data.map(({ name }) => name)).toEqual(["b", "a"]);
  const other = await staffed();
  const refusal = { code: "BAD_REQUEST", cause: { details: { issues: [{ path: ["cursor"] }] } } };
  await expect(as(writer).list({ workspaceId, cursor, sortOrder: "asc" })).rejects.toMatchObject(refusal);
  await expect(as(writer).list({ workspaceId, cursor, status: "active" })).rejects.toMatchObject(refusal);
  await expect(as(writer).list({ workspaceId, cursor: "bm9wZQ" })).rejects.toMatchObject(refusal);
  await expect(other.as(other.writer).list({ workspaceId: other.workspaceId, cursor })).rejects.toMatchObject(refusal);
});

test("an archived agent is hidden from the list unless asked for, and comes back by its status", async () => {
  const { workspaceId, writer, as } = await staffed();
  const { id: agentId } = await as(writer).create({ workspaceId, name: "Old" });
  const archived = await as(writer).update({ workspaceId, agentId, status: "archived" });
  expect(archived.archivedAt).toBeInstanceOf(Date);
  const ids = async (input: object) => (await as(writer).list({ workspaceId, ...input })).data.map(({ id }) => id);
  expect(await ids({})).toEqual([]);
  expect(await ids({ status: "archived" })).toEqual([agentId]);
  expect(await ids({ includeArchived: true })).toEqual([agentId]);
  expect((await as(writer).update({ workspaceId, agentId, status: "active" })).archivedAt).toBeNull();
});

test("a repeated create with the same key is answered alike, once; another body, or one in flight, is a conflict", async () => {
  const { workspaceId, writer, admin, as } = await staffed();
  const keyed = { "idempotency-key": "k-1" };
  const first = await as(writer, keyed).create({ workspaceId, name: "Once" });
  expect(await as(writer, keyed).create({ workspaceId, name: "Once" })).toEqual(first);
  await expect(as(writer, keyed).create({ workspaceId, name: "Twice" })).rejects.toMatchObject({
    code: "CONFLICT",
    cause: { details: { code: "IDEMPOTENCY_KEY_REUSED" } },
  });
  await expect(as(admin, keyed).create({ workspaceId, name: "Once" })).rejects.toMatchObject({
    cause: { details: { code: "NAME_TAKEN" } },
  });
  expect(await auditActions(workspaceId)).toEqual(["agent.create"]);

  const race = { "idempotency-key": "k-2" };
  const results = await Promise.allSettled(
    Array.from({ length: 5 }, () => as(writer, race).create({ workspaceId, name: "Race" })),
  );
  const answers = results.flatMap((result) => (result.status === "fulfilled" ? [result.value.id] : []));
  const codes = results.flatMap((result) => (result.status === "rejected" ? [result.reason.cause.details.code] : []));
  expect(new Set(answers).size).toBe(1);
  expect(codes.every((code) => code === "IDEMPOTENCY_IN_FLIGHT")).toBe(true);
  expect((await auditActions(workspaceId)).length).toBe(2);
});

async function auditRows(workspaceId: string): Promise<{ action: string; outcome: string }[]> {
  await database.owner.query("begin");
  await database.owner.query("select parlant.parlant_enter_system($1, 'test')", [workspaceId]);
  const { rows } = await database.owner.query("select * from parlant.parlant_audit_event order by id");
  await database.owner.query("commit");
  return rows;
}

async function auditActions(workspaceId: string): Promise<string[]> {
  return (await auditRows(workspaceId)).map(({ action }) => action);
}
