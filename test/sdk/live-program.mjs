// Runs in a consumer's project against a real server, and prints what it saw.
import { ConflictError, createClient, NotFoundError, UnauthorizedError } from "@sim/parlant-client";

const [baseUrl, workspaceId, apiKey, token] = process.argv.slice(2);
const sim = createClient({ baseUrl, apiKey });
const agents = sim.workspace(workspaceId).agents;
const seen = (await sim.health()).status;
const codeOf = (promise, Class) =>
  promise.then(
    () => "none",
    (error) => (Class.is(error) && error.requestId ? error.code : String(error)),
  );

const created = await agents.create(
  { name: "Scout", tags: ["a"], metadata: { nested: { deep: [1, null] } } },
  { idempotencyKey: "once" },
);
const again = await agents.create(
  { name: "Scout", tags: ["a"], metadata: { nested: { deep: [1, null] } } },
  { idempotencyKey: "once" },
);
const updated = await agents.update(created.id, { description: "Finds things", version: created.version });
const stale = await codeOf(agents.update(created.id, { name: "Other", version: created.version }), ConflictError);
for (const name of ["B", "C", "D"]) await agents.create({ name });
const names = [];
for await (const agent of agents.list({ limit: 2, sortBy: "name", sortOrder: "asc" })) names.push(agent.name);
const page = await agents.list({ limit: 1, search: undefined });
const deleted = await agents.delete(created.id);
const gone = await codeOf(agents.get(created.id), NotFoundError);
const restored = await agents.restore(created.id);
const elsewhere = await codeOf(sim.workspace("another").agents.list(), NotFoundError);
const nobody = await codeOf(
  createClient({ baseUrl, apiKey: "sk-sim-unknown" }).workspace(workspaceId).agents.list(),
  UnauthorizedError,
);
const invalid = await agents
  .create({ name: "x", temperature: 9 })
  .catch((error) => error.issues.map(({ path }) => path.join(".")));
const byToken = await createClient({ baseUrl, token: async () => token })
  .workspace(workspaceId)
  .agents.get(created.id);
const raw = await sim.trpc.workspaces.agents.get.query({ workspaceId, agentId: created.id });
const { isolation } = sim.workspace(workspaceId);
const health = await isolation.health();
const report = await isolation.report();

console.log(
  JSON.stringify({
    seen,
    stale,
    names,
    gone,
    elsewhere,
    nobody,
    invalid,
    isSame: again.id === created.id,
    dates: [created.createdAt, deleted.deletedAt, raw.updatedAt].every((date) => date instanceof Date),
    updated: updated.description,
    page: [page.data.length, typeof page.nextCursor, page.isolation.workspaceId === workspaceId],
    restored: restored.id === created.id && byToken.id === created.id,
    metadata: raw.metadata,
    isolation: [health.status, health.checkedAt instanceof Date, report.metrics.totalAgents],
  }),
);
