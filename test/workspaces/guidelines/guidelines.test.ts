import { afterAll, beforeAll, expect, test } from "vitest";
import { readTrail } from "../../support/audit-trail.ts";
import { makeApiKey } from "../../support/database.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestUser } from "../../support/workspace.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server?.stop());

const workspacesOf = ({ headers }: Pick<TestUser, "headers">, more: Record<string, string> = {}) =>
  callerWith(server.dependencies, { ...headers, ...more }).workspaces;

async function makeAgent(visibility: "workspace" | "restricted" = "workspace") {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const { id: agentId } = await workspacesOf(workspace.admin).agents.create({
    workspaceId: workspace.id,
    name: "Scout",
    visibility,
  });
  return { ...workspace, ref: { workspaceId: workspace.id, agentId }, guidelines: workspacesOf(workspace.writer).guidelines };
}

const code = (error: { cause?: { code?: string; details?: { code?: string } } }) =>
  error.cause?.details?.code ?? error.cause?.code;
const refusal = (call: Promise<unknown>) => call.then(() => "none", code);

test("a guideline is made with what it needs and comes back as it was given", async () => {
  const { ref, writer, guidelines } = await makeAgent();
  const least = await guidelines.create({ ...ref, condition: "The customer asks for a refund" });
  expect(least).toMatchObject({
    ...{ ...ref, condition: "The customer asks for a refund", action: null, description: null, criticality: "medium" },
    ...{ enabled: true, priority: 0, tags: [], metadata: {}, createdBy: writer.id, createdByKeyId: null },
    isolation: { workspaceId: ref.workspaceId, verified: true },
  });
  const full = {
    ...{ condition: "They are angry", action: "Stay calm", description: "Tone", criticality: "high" as const, enabled: false },
    ...{ priority: -7, tags: ["tone"], metadata: { nested: { deep: [1, null] } } },
  };
  expect(await guidelines.create({ ...ref, ...full })).toMatchObject(full);
  expect((await guidelines.list(ref)).data.map(({ condition }) => condition)).toEqual([least.condition, full.condition]);
});

test("who configures the agent writes its guidelines, who sees it reads them, and nobody else knows of them", async () => {
  const { ref, reader, guidelines } = await makeAgent();
  const { id: guidelineId } = await guidelines.create({ ...ref, condition: "c" });
  const readers = workspacesOf(reader).guidelines;
  expect((await readers.list(ref)).data).toHaveLength(1);
  expect((await readers.export(ref)).guidelines).toHaveLength(1);
  const writes = [
    () => readers.create({ ...ref, condition: "x" }),
    () => readers.update({ ...ref, guidelineId, condition: "x" }),
    () => readers.delete({ ...ref, guidelineId }),
    () => readers.import({ ...ref, mode: "replace", guidelines: [{ condition: "x" }] }),
  ];
  for (const write of writes) expect(await refusal(write())).toBe("INSUFFICIENT_AGENT_LEVEL");
  expect((await guidelines.list(ref)).data).toMatchObject([{ id: guidelineId, condition: "c" }]);
  const hidden = await makeAgent("restricted");
  const strangers = workspacesOf(hidden.writer).guidelines;
  for (const call of [
    () => strangers.list(hidden.ref),
    () => strangers.create({ ...hidden.ref, condition: "x" }),
    () => strangers.export(hidden.ref),
  ])
    expect(await refusal(call())).toBe("NOT_FOUND");
});

test("a guideline is its agent's alone: by another agent's id, or another workspace's, it is not found", async () => {
  const { ref, guidelines, writer } = await makeAgent();
  const { id: guidelineId } = await guidelines.create({ ...ref, condition: "mine" });
  const sibling = await workspacesOf(writer).agents.create({ workspaceId: ref.workspaceId, name: "Sibling" });
  const elsewhere = await makeAgent();
  for (const [calls, other] of [
    [guidelines, { ...ref, agentId: sibling.id }],
    [elsewhere.guidelines, elsewhere.ref],
  ] as const) {
    await expect(calls.update({ ...other, guidelineId, condition: "taken" })).rejects.toThrow("Guideline not found");
    await expect(calls.delete({ ...other, guidelineId })).rejects.toThrow("Guideline not found");
    expect((await calls.list(other)).data).toEqual([]);
  }
  expect((await guidelines.list(ref)).data).toMatchObject([{ condition: "mine" }]);
});

test("an update changes what it names, null clears, and what does not change leaves no trace", async () => {
  const { ref, guidelines } = await makeAgent();
  const made = await guidelines.create({ ...ref, condition: "c", action: "a", description: "d", tags: ["t"] });
  const updated = await guidelines.update({ ...ref, guidelineId: made.id, description: null, priority: 3 });
  expect(updated).toMatchObject({ condition: "c", action: "a", description: null, priority: 3, tags: ["t"] });
  expect(updated.updatedAt.getTime()).toBeGreaterThanOrEqual(made.updatedAt.getTime());
  await guidelines.update({ ...ref, guidelineId: made.id, priority: 3 });
  const events = (await readTrail(server.database, ref.workspaceId)).filter(({ action }) => action.startsWith("guideline."));
  expect(events.map(({ action, target_id, before, after }) => ({ action, target_id, before, after }))).toEqual([
    { action: "guideline.create", target_id: made.id, before: null, after: expect.objectContaining({ condition: "c" }) },
    {
      action: "guideline.update",
      target_id: made.id,
      before: { description: "d", priority: 0 },
      after: { description: null, priority: 3 },
    },
  ]);
});

test("a deleted guideline is gone for good, and its deletion says what it was", async () => {
  const { ref, guidelines } = await makeAgent();
  const { id: guidelineId } = await guidelines.create({ ...ref, condition: "c" });
  expect(await guidelines.delete({ ...ref, guidelineId })).toMatchObject({ id: guidelineId });
  expect((await guidelines.list(ref)).data).toEqual([]);
  expect(await refusal(guidelines.delete({ ...ref, guidelineId }))).toBe("NOT_FOUND");
  const events = (await readTrail(server.database, ref.workspaceId)).filter(({ action }) => action === "guideline.delete");
  expect(events).toMatchObject([{ target_id: guidelineId, before: { agentId: ref.agentId, condition: "c" } }]);
});

test("the list goes by priority and then by age, page by page without a gap, and its cursor belongs to it", async () => {
  const { ref, guidelines } = await makeAgent();
  const priorities = [0, 5, -1, 5, 0, 1_000_000, -1_000_000, 5, 0];
  for (const [index, priority] of priorities.entries()) await guidelines.create({ ...ref, condition: `${index}`, priority });
  const byPriority = (order: "asc" | "desc") =>
    [...priorities.entries()]
      .sort(([i, one], [j, other]) => (order === "desc" ? other - one : one - other) || i - j)
      .map(([index]) => `${index}`);
  const read = async (options: object) => {
    const found: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await guidelines.list({ ...ref, limit: 2, ...(cursor && { cursor }), ...options });
      found.push(...page.data.map(({ condition }) => condition));
      cursor = page.nextCursor;
    }
    return found;
  };
  expect(await read({})).toEqual(byPriority("desc"));
  expect(await read({ sortOrder: "asc" })).toEqual(byPriority("asc"));
  expect(await read({ sortBy: "createdAt", sortOrder: "asc" })).toEqual(priorities.map((_, index) => `${index}`));
  const { nextCursor } = await guidelines.list({ ...ref, limit: 2 });
  expect(await refusal(guidelines.list({ ...ref, cursor: nextCursor ?? "", sortOrder: "asc" }))).toBe("BAD_REQUEST");
  expect(await refusal(guidelines.list({ ...ref, cursor: nextCursor ?? "", enabled: true }))).toBe("BAD_REQUEST");
});

test("the list shows what its filters say", async () => {
  const { ref, guidelines } = await makeAgent();
  await guidelines.create({ ...ref, condition: "on", tags: ["a", "b"], criticality: "low" });
  await guidelines.create({ ...ref, condition: "off", enabled: false, tags: ["b"] });
  const found = async (filter: object) => (await guidelines.list({ ...ref, ...filter })).data.map(({ condition }) => condition);
  expect(await found({ enabled: true })).toEqual(["on"]);
  expect(await found({ enabled: false })).toEqual(["off"]);
  expect(await found({ tag: "b" })).toEqual(["on", "off"]);
  expect(await found({ tag: "a", criticality: "low" })).toEqual(["on"]);
  expect(await found({ criticality: "high" })).toEqual([]);
});

test("what is exported can be imported: the same guidelines in the same order", async () => {
  const { ref, guidelines, writer } = await makeAgent();
  for (const [index, priority] of [3, 0, 3, -2].entries())
    await guidelines.create({ ...ref, condition: `${index}`, priority, metadata: { index }, tags: [`t${index}`] });
  const { guidelines: exported } = await guidelines.export(ref);
  expect(exported.map(({ condition }) => condition)).toEqual(["0", "2", "1", "3"]);
  const copy = await workspacesOf(writer).agents.create({ workspaceId: ref.workspaceId, name: "Copy" });
  const there = { workspaceId: ref.workspaceId, agentId: copy.id };
  await guidelines.create({ ...there, condition: "before" });
  const imported = await guidelines.import({ ...there, mode: "replace", guidelines: exported });
  expect(imported).toMatchObject({ created: 4, deleted: 1 });
  expect((await guidelines.export(there)).guidelines).toEqual(exported);
  expect((await guidelines.list({ ...there, sortBy: "createdAt", sortOrder: "asc" })).data.map(({ id }) => id)).toEqual(
    imported.ids,
  );
  await guidelines.import({ ...there, guidelines: [{ condition: "appended" }] });
  expect((await guidelines.export(there)).guidelines).toHaveLength(5);
});

test("an agent has at most 1,000 guidelines, and what would be too many changes nothing", async () => {
  const { ref, guidelines } = await makeAgent();
  const many = (count: number) => Array.from({ length: count }, (_, index) => ({ condition: `${index}` }));
  await guidelines.import({ ...ref, guidelines: many(999) });
  expect(await refusal(guidelines.import({ ...ref, guidelines: many(2) }))).toBe("GUIDELINE_LIMIT");
  const attempts = await Promise.all(["a", "b", "c"].map((condition) => refusal(guidelines.create({ ...ref, condition }))));
  expect(attempts.sort()).toEqual(["GUIDELINE_LIMIT", "GUIDELINE_LIMIT", "none"]);
  expect((await guidelines.export(ref)).guidelines).toHaveLength(1_000);
  expect(await guidelines.import({ ...ref, mode: "replace", guidelines: many(1_000) })).toMatchObject({ deleted: 1_000 });
});

test("a create and an import under one Idempotency-Key happen once", async () => {
  const { ref, writer, guidelines } = await makeAgent();
  const keyed = workspacesOf(writer, { "idempotency-key": "once" }).guidelines;
  const first = await keyed.create({ ...ref, condition: "c" });
  expect(await keyed.create({ ...ref, condition: "c" })).toEqual(first);
  expect(await refusal(keyed.create({ ...ref, condition: "another" }))).toBe("IDEMPOTENCY_KEY_REUSED");
  const importing = workspacesOf(writer, { "idempotency-key": "import" }).guidelines;
  const batch = { ...ref, guidelines: [{ condition: "i" }] };
  expect(await importing.import(batch)).toEqual(await importing.import(batch));
  expect((await guidelines.list(ref)).data).toHaveLength(2);
});

test("a workspace's key is named as the one that made it", async () => {
  const { ref, admin } = await makeAgent();
  const key = await makeApiKey(server.database.owner, { userId: admin.id, workspaceId: ref.workspaceId });
  const made = await callerWith(server.dependencies, { "x-api-key": key.plain }).workspaces.guidelines.create({
    ...ref,
    condition: "c",
  });
  expect(made).toMatchObject({ createdBy: null, createdByKeyId: key.id });
});

test.each([
  { condition: "" },
  { condition: "x".repeat(4_001) },
  { condition: "a\0b" },
  { condition: "c", action: "" },
  { condition: "c", criticality: "urgent" },
  { condition: "c", priority: 0.5 },
  { condition: "c", priority: 1_000_001 },
  { condition: "c", tags: Array(21).fill("t") },
  { condition: "c", metadata: [] },
  { condition: "c", unknown: 1 },
])("%j is refused and nothing is made", async (wrong) => {
  const { ref, guidelines } = await makeAgent();
  expect(await refusal(guidelines.create({ ...ref, ...wrong } as never))).toBe("BAD_REQUEST");
  expect(await refusal(guidelines.import({ ...ref, guidelines: [{ condition: "good" }, wrong] } as never))).toBe("BAD_REQUEST");
  expect((await guidelines.export(ref)).guidelines).toEqual([]);
});

test("over REST: 201 with a Location, 200, 204", async () => {
  const { ref, writer } = await makeAgent();
  const path = `/api/v1/workspaces/${ref.workspaceId}/agents/${ref.agentId}/guidelines`;
  const call = (method: string, at: string, body?: object) =>
    fetch(`${server.url}${at}`, {
      method,
      headers: { ...writer.headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  const created = await call("POST", path, { condition: "c" });
  const { id } = (await created.json()) as { id: string };
  expect([created.status, created.headers.get("location")]).toEqual([201, `${path}/${id}`]);
  const patched = await call("PATCH", `${path}/${id}`, { enabled: false });
  expect([patched.status, await patched.json()]).toEqual([200, expect.objectContaining({ id, enabled: false })]);
  const listed = (await (await call("GET", `${path}?enabled=false&limit=1`)).json()) as { data: object[] };
  expect(listed.data).toMatchObject([{ id }]);
  expect((await call("POST", `${path}/import`, { guidelines: [{ condition: "i" }] })).status).toBe(201);
  expect(await (await call("GET", `${path}/export`)).json()).toMatchObject({
    guidelines: [{ condition: "c" }, { condition: "i" }],
  });
  expect((await call("DELETE", `${path}/${id}`)).status).toBe(204);
});
