import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import { createVerificationSweep } from "../../server/jobs/verification/verification-sweep.ts";
import { verifyWorkspace } from "../../server/jobs/verification/verify-workspace.ts";
import { createMovableClock } from "../support/clock.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { changePastTheServer, readPastTheServer } from "../support/past-the-server.ts";
import { callerWith, createTestDependencies, testEnv } from "../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../support/workspace.ts";

const DAY_MS = 86_400_000;
const clock = createMovableClock();
const unaborted = new AbortController().signal;
let database: TestDatabase;
let dependencies: Dependencies;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl, {}, clock);
});
afterAll(async () => {
  await dependencies?.close();
  await database?.drop();
});

function options(batchSize = 2) {
  const { violations, auditLogSeal, log } = dependencies.services;
  const { openWorkspace, sim } = dependencies.database;
  const rootSecrets = testEnv(database.appUrl).ISOLATION_SECRET;
  return { rootSecrets, openWorkspace, sim, violations, auditLogSeal, clock, log, batchSize };
}

const verify = (workspaceId: string) => verifyWorkspace(options(), workspaceId, unaborted);
const ofAdmin = (workspace: TestWorkspace) => callerWith(dependencies, workspace.admin.headers).workspaces;

/** The check of isolation health, past the time for which an answer stands. */
async function healthOf(workspace: TestWorkspace) {
  clock.forward(3_000);
  const { checks } = await ofAdmin(workspace).isolation.health({ workspaceId: workspace.id });
  return checks.find(({ name }) => name === "verification");
}

async function makeAgents(count: number): Promise<TestWorkspace & { agentIds: string[] }> {
  const workspace = await makeStaffedWorkspace(database.owner);
  const agentIds: string[] = [];
  for (let index = 0; index < count; index++) {
    agentIds.push((await ofAdmin(workspace).agents.create({ workspaceId: workspace.id, name: `Agent ${index}` })).id);
  }
  await dependencies.services.auditLogSeal.seal(workspace.id);
  return { ...workspace, agentIds };
}

/** A session with events, past the server: its boundary is the agent's own business elsewhere. */
async function makeSession(
  workspaceId: string,
  agentId: string,
  offsets: readonly number[],
  says = offsets.length,
): Promise<string> {
  const id = randomUUID();
  await database.owner.query("begin");
  await database.owner.query("select parlant.parlant_enter_system($1, 'test')", [workspaceId]);
  await database.owner.query(
    `insert into parlant.parlant_session (workspace_id, id, agent_id, event_count, message_count, boundary, boundary_key_version,
      started_at, last_activity_at, created_at, updated_at)
    values ($1, $2, $3, $4, $4, 'none', 1, now(), now(), now(), now())`,
    [workspaceId, id, agentId, says],
  );
  for (const offset of offsets) {
    await database.owner.query(
      `insert into parlant.parlant_event (workspace_id, session_id, "offset", id, source, kind, data, trace_id, created_at)
      values ($1, $2, $3, $4, 'customer', 'message', '{}', 't', now())`,
      [workspaceId, id, offset, randomUUID()],
    );
  }
  await database.owner.query("commit");
  return id;
}

interface State {
  last: { rows: number; problemCount: number; problems: { kind: string; id: string | null }[] } | null;
  current: { phase: string; rows: number } | null;
}
async function stateOf(workspaceId: string): Promise<State | null> {
  const text = "select verification from parlant.parlant_workspace_state";
  const [row] = await readPastTheServer<{ verification: State | null }>(database.owner, workspaceId, text);
  return row?.verification ?? null;
}

test("a workspace in which all is well is verified as a whole, and said to be", async () => {
  const workspace = await makeAgents(5);
  expect(await healthOf(workspace)).toMatchObject({ status: "healthy", evidence: { verifiedAt: null } });
  expect(await verify(workspace.id)).toBe(0);
  expect(await stateOf(workspace.id)).toMatchObject({ current: null, last: { rows: 10, problemCount: 0 } });
  expect(await healthOf(workspace)).toMatchObject({ status: "healthy", evidence: { verifiedAt: expect.any(String) } });
  const report = await ofAdmin(workspace).isolation.report({ workspaceId: workspace.id });
  expect(report.lastVerification).toMatchObject({ rowsChecked: 10, problems: 0, finishedAt: expect.any(Date) });
});

const TURN = [
  { source: "customer", kind: "message", data: { message: "hello", participant: { display_name: "c" } } },
  { source: "ai_agent", kind: "status", data: { status: "ready" } },
] as const;

test("sessions as the server itself makes them, appends to them and deletes them are well", async () => {
  const workspace = await makeAgents(1);
  const { id: workspaceId } = workspace;
  const { sessions, events } = ofAdmin(workspace);
  const made = await Promise.all(
    ["a", "b", "c"].map((title) => sessions.create({ workspaceId, agentId: workspace.agentIds[0] ?? "", title })),
  );
  for (const { id: sessionId } of made) {
    for (let turn = 0; turn < 3; turn++) await events.append({ workspaceId, sessionId, events: [...TURN] });
  }
  await sessions.delete({ workspaceId, sessionId: made[1]?.id ?? "" });
  expect([await verify(workspaceId), (await stateOf(workspaceId))?.last?.problems]).toEqual([0, []]);
});

test("it is not done again on the same day; on the next it is", async () => {
  const workspace = await makeAgents(1);
  expect(await verify(workspace.id)).toBe(0);
  expect(await verify(workspace.id)).toBeNull();
  clock.forward(DAY_MS);
  expect(await verify(workspace.id)).toBe(0);
});

test("a row that was moved here is a problem and a violation", async () => {
  const workspace = await makeAgents(4);
  const moved = workspace.agentIds[3];
  await changePastTheServer(database.owner, "update parlant.parlant_agent set boundary = 'x' where id = $1", [moved]);
  const before = dependencies.services.violations.total();
  expect(await verify(workspace.id)).toBe(1);
  expect((await stateOf(workspace.id))?.last?.problems).toMatchObject([{ kind: "boundary", id: moved }]);
  expect(dependencies.services.violations.total()).toBe(before + 1);
});

test("gaps in a session's events and counts that are not theirs are found, and told as mended once they are", async () => {
  const workspace = await makeAgents(1);
  const agentId = workspace.agentIds[0] ?? "";
  await makeSession(workspace.id, agentId, [0, 1, 2]);
  await makeSession(workspace.id, agentId, []);
  const gap = await makeSession(workspace.id, agentId, [0, 2]);
  const late = await makeSession(workspace.id, agentId, [1, 2]);
  const miscounted = await makeSession(workspace.id, agentId, [0, 1], 3);
  // Control: of those that are well nothing is said. Their boundaries are none, which is told of all five.
  expect(await verify(workspace.id)).toBe(8);
  const problems = (await stateOf(workspace.id))?.last?.problems ?? [];
  expect(problems.flatMap(({ kind, id }) => (kind === "boundary" ? [] : [`${kind} ${id}`])).sort()).toEqual(
    [`counters ${miscounted}`, `offsets ${gap}`, `offsets ${late}`].sort(),
  );
  const told = await healthOf(workspace);
  expect(told).toMatchObject({ status: "degraded", evidence: { sessions: expect.stringContaining(gap) } });
  await changePastTheServer(
    database.owner,
    `update parlant.parlant_event set "offset" = "offset" - 1 where session_id = any ($1) and "offset" > 0`,
    [[gap, late]],
  );
  await changePastTheServer(
    database.owner,
    "update parlant.parlant_session set event_count = 2, message_count = 2 where id = $1",
    [miscounted],
  );
  expect(await healthOf(workspace)).toMatchObject({ status: "healthy" });
});

test("numbers that analytics keep and that are not those of the events are found, and told as mended once they are made anew", async () => {
  const workspace = await makeAgents(1);
  const { id: workspaceId } = workspace;
  const { sessions, events } = ofAdmin(workspace);
  const { id: sessionId } = await sessions.create({ workspaceId, agentId: workspace.agentIds[0] ?? "" });
  await events.append({ workspaceId, sessionId, events: [...TURN] });
  const keep = (messages: number, eventCount: number) =>
    changePastTheServer(
      database.owner,
      `insert into parlant.parlant_session_activity
         (workspace_id, session_id, quarter, event_count, messages, customer_messages, agent_messages, tool_calls, tool_errors)
       values ($1, $2, 0, $4, $3, 1, 0, 0, 0)`,
      [workspaceId, sessionId, messages, eventCount],
    );
  // Control: what is kept of fewer events than there are now is used by nobody.
  await keep(7, 1);
  expect(await verify(workspaceId)).toBe(0);
  clock.forward(DAY_MS);
  await changePastTheServer(database.owner, "delete from parlant.parlant_session_activity where session_id = $1", [sessionId]);
  await keep(7, 2);
  expect(await verify(workspaceId)).toBe(1);
  expect((await stateOf(workspaceId))?.last?.problems).toMatchObject([{ kind: "counters", id: sessionId }]);
  expect(await healthOf(workspace)).toMatchObject({ status: "degraded" });
  await changePastTheServer(database.owner, "delete from parlant.parlant_session_activity where session_id = $1", [sessionId]);
  expect(await healthOf(workspace)).toMatchObject({ status: "healthy" });
});

test("an audit log that was bent is found", async () => {
  const workspace = await makeAgents(2);
  await changePastTheServer(database.owner, "update parlant.parlant_audit_event set action = 'nothing' where workspace_id = $1", [
    workspace.id,
  ]);
  expect(await verify(workspace.id)).toBeGreaterThan(0);
  expect((await stateOf(workspace.id))?.last?.problems[0]).toMatchObject({ kind: "audit" });
  expect(await healthOf(workspace)).toMatchObject({ status: "degraded", message: expect.stringContaining("audit log") });
});

test("one that is ended goes on where it was, and nothing is looked at twice or left out", async () => {
  const workspace = await makeAgents(5);
  const stopping = new AbortController();
  const { openWorkspace, ...rest } = options(2);
  let batches = 0;
  const interrupted: typeof openWorkspace = (binding) => {
    if (binding.prelude.values[1] === "isolation.verify" && ++batches === 3) stopping.abort();
    return openWorkspace(binding);
  };
  expect(await verifyWorkspace({ ...rest, openWorkspace: interrupted }, workspace.id, stopping.signal)).toBeNull();
  expect(await stateOf(workspace.id)).toMatchObject({ last: null, current: { phase: "agent", rows: 4 } });
  expect(await verify(workspace.id)).toBe(0);
  expect(await stateOf(workspace.id)).toMatchObject({ current: null, last: { rows: 10 } });
});

test("a sweep goes through all workspaces, and one that cannot be verified holds up no other", async () => {
  clock.forward(DAY_MS);
  const [broken, well] = [await makeAgents(1), await makeAgents(1)].sort((one, other) => (one.id < other.id ? -1 : 1));
  const { openWorkspace, ...rest } = options();
  const sweep = createVerificationSweep({
    ...rest,
    openWorkspace(binding) {
      if (binding.workspaceId === broken?.id) throw new Error("This one cannot be opened");
      return openWorkspace(binding);
    },
  });
  expect(sweep.status()).toEqual({ endedAtMs: null, problems: 0, failures: 0 });
  await sweep.run(unaborted);
  expect(sweep.status()).toMatchObject({ endedAtMs: expect.any(Number), failures: 1 });
  expect((await stateOf(well?.id ?? ""))?.last).not.toBeNull();
  expect(await stateOf(broken?.id ?? "")).toBeNull();
});

test("the server's sweep is registered, and its age is a metric once it has run", async () => {
  const sweep = dependencies.sweeps.find(({ name }) => name === "verification");
  const age = async () => (await dependencies.metrics.metrics()).match(/^parlant_verification_age_seconds (.+)$/m)?.[1];
  expect(await age()).toBeUndefined();
  await sweep?.run(unaborted);
  expect(Number(await age())).toBeGreaterThanOrEqual(0);
});
