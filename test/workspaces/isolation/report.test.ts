import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lowestIdAt } from "../../../server/shared/ids.ts";
import { assertDocumented } from "../../rest/documented.ts";
import { createMovableClock } from "../../support/clock.ts";
import { makeApiKey } from "../../support/database.ts";
import { changePastTheServer } from "../../support/past-the-server.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callerWith } from "../../support/services.ts";
import { makeStaffedWorkspace, type TestWorkspace } from "../../support/workspace.ts";

const DAY_MS = 86_400_000;
const clock = createMovableClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ RATE_LIMIT_PER_MINUTE: "0" }, { clock });
});

afterAll(() => server?.stop());

const of = (headers: Record<string, string>) => callerWith(server.dependencies, headers).workspaces;
const report = ({ id, admin }: TestWorkspace) => {
  clock.forward(10_000);
  return of(admin.headers).isolation.report({ workspaceId: id });
};
const codes = ({ recommendations }: { recommendations: { code: string }[] }) => recommendations.map(({ code }) => code);

async function writeEvent(workspaceId: string, event: { action: string; outcome: string; actorId: string; atMs: number }) {
  await changePastTheServer(
    server.database.owner,
    `insert into parlant.parlant_audit_event (workspace_id, id, occurred_at, action, outcome, reason_code, actor_kind, actor_id, target_kind, target_id)
     values ($1, $2, $3, $4, $5, 'INSUFFICIENT_WORKSPACE_ROLE', 'session', $6, 'workspace', $1)`,
    [
      workspaceId,
      lowestIdAt(event.atMs).slice(0, -12) + randomBytes(6).toString("hex"),
      new Date(event.atMs),
      event.action,
      event.outcome,
      event.actorId,
    ],
  );
}

test("an empty workspace's report counts nothing, and recommends nothing but what Sim allows", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const empty = await report(workspace);
  expect(new Set(Object.values(empty.metrics))).toEqual(new Set([0]));
  expect(empty).toMatchObject({
    workspaceId: workspace.id,
    generatedBy: { kind: "session", id: workspace.admin.id },
    securityAnalysis: { status: "secure", reasons: [] },
    accessPatterns: { byPrincipalKind: [], byAction: [] },
    recentDenials: [],
    violations: [],
    boundaryValidation: { status: "healthy", rowsChecked: 0, mismatches: 0 },
  });
  expect(codes(empty)).toEqual(["REVIEW_PERSONAL_API_KEYS"]);
  await server.database.owner.query("update workspace set allow_personal_api_keys = false where id = $1", [workspace.id]);
  expect(codes(await report(workspace))).toEqual([]);
});

test("it counts this workspace's rows alone, by kind, and answers over REST as it is documented", async () => {
  const [workspace, other] = [
    await makeStaffedWorkspace(server.database.owner),
    await makeStaffedWorkspace(server.database.owner),
  ];
  await of(other.admin.headers).agents.create({ workspaceId: other.id, name: "Elsewhere", visibility: "restricted" });
  const { id: workspaceId, admin } = workspace;
  const { agents } = of(admin.headers);
  const active = await agents.create({ workspaceId, name: "Active" });
  await agents.create({ workspaceId, name: "Inactive", status: "inactive", visibility: "restricted" });
  const granted = await agents.create({ workspaceId, name: "Granted", visibility: "restricted" });
  const archived = await agents.create({ workspaceId, name: "Archived" });
  await agents.update({ workspaceId, agentId: archived.id, status: "archived" });
  const deleted = await agents.create({ workspaceId, name: "Deleted" });
  await agents.delete({ workspaceId, agentId: deleted.id });
  for (const [agentId, hours] of [
    [active.id, -1],
    [granted.id, 1],
  ] as const) {
    await changePastTheServer(
      server.database.owner,
      `insert into parlant.parlant_agent_grant (workspace_id, agent_id, user_id, level, expires_at, created_at, updated_at)
       values ($1, $2, 'someone', 'view', now() + $3 * interval '1 hour', now(), now())`,
      [workspaceId, agentId, hours],
    );
  }
  const { metrics, ...rest } = await report(workspace);
  expect(metrics).toEqual({
    totalAgents: 4,
    activeAgents: 2,
    inactiveAgents: 1,
    archivedAgents: 1,
    restrictedAgents: 2,
    deletedAgents: 1,
    totalGrants: 2,
    expiredGrants: 1,
    totalSessions: 0,
    totalMessages: 0,
    auditEvents: 7,
  });
  expect(rest.boundaryValidation).toMatchObject({ rowsChecked: 5, mismatches: 0, signedUnderNewest: 5, signedUnderOlder: 0 });
  expect(codes(rest)).toEqual(["REMOVE_EXPIRED_GRANTS", "REVIEW_RESTRICTED_AGENTS", "REVIEW_PERSONAL_API_KEYS"]);
  expect(rest.recommendations[1]?.message).toMatch(/^1 restricted agents/);

  const path = `/workspaces/${workspaceId}/isolation/report`;
  const response = await server.app.inject({ url: `/api/v1${path}`, headers: admin.headers });
  expect(response.statusCode).toBe(200);
  assertDocumented("GET", path, response);
});

test("it tells who came in the last day and week, and who was turned away, newest first", async () => {
  const workspace = await makeStaffedWorkspace(server.database.owner);
  const other = await makeStaffedWorkspace(server.database.owner);
  const workspaceId = workspace.id;
  const key = await makeApiKey(server.database.owner, { userId: workspace.admin.id });
  await of({ "x-api-key": key.plain }).agents.create({ workspaceId, name: "By key" });
  await of(workspace.admin.headers).agents.create({ workspaceId, name: "By session" });
  const denied = (actorId: string, daysAgo: number) => ({
    action: "agent.create",
    outcome: "denied",
    actorId,
    atMs: clock.now() - daysAgo * DAY_MS,
  });
  await writeEvent(workspaceId, denied("long ago", 8));
  await writeEvent(workspaceId, denied("days ago", 2));
  await writeEvent(workspaceId, denied("just now", 0));
  await writeEvent(other.id, denied("elsewhere", 0));
  const { accessPatterns, recentDenials } = await report(workspace);
  expect(accessPatterns).toEqual({
    byPrincipalKind: [
      { kind: "personal_api_key", lastDay: 1, lastWeek: 1 },
      { kind: "session", lastDay: 2, lastWeek: 3 },
    ],
    byAction: [
      { action: "agent.create", outcome: "success", lastDay: 2, lastWeek: 2 },
      { action: "agent.create", outcome: "denied", lastDay: 1, lastWeek: 2 },
    ],
  });
  expect(recentDenials).toMatchObject([
    {
      action: "agent.create",
      reasonCode: "INSUFFICIENT_WORKSPACE_ROLE",
      actor: { kind: "session", id: "just now" },
      target: { kind: "workspace", id: workspaceId },
    },
    { actor: { id: "days ago" } },
  ]);
});

test("a moved row is compromising while it lies there, and afterwards a violation on record", async () => {
  const [from, to] = [await makeStaffedWorkspace(server.database.owner), await makeStaffedWorkspace(server.database.owner)];
  const { id } = await of(from.admin.headers).agents.create({ workspaceId: from.id, name: "Moved" });
  await of(to.admin.headers).agents.create({ workspaceId: to.id, name: "Resident" });
  const move = (target: string) =>
    changePastTheServer(server.database.owner, "update parlant.parlant_agent set workspace_id = $2 where id = $1", [id, target]);
  await move(to.id);
  await of(to.reader.headers).agents.list({ workspaceId: to.id });
  await server.dependencies.services.violations.settled();
  const during = await report(to);
  expect(during.securityAnalysis).toMatchObject({ status: "compromised", reasons: [expect.stringMatching(/^boundary: /)] });
  expect(during.boundaryValidation).toMatchObject({ status: "unhealthy", mismatches: 1 });
  expect(during.violations).toMatchObject([
    { reasonCode: "BOUNDARY_MISMATCH", actor: { kind: "session", id: to.reader.id }, target: { kind: "agent", id } },
  ]);
  expect(codes(during)).toEqual(["MEND_BOUNDARY", "REVIEW_VIOLATIONS", "REVIEW_PERSONAL_API_KEYS"]);
  await move(from.id);
  const after = await report(to);
  expect(after.securityAnalysis.status).toBe("secure");
  expect(after.violations).toHaveLength(1);
  expect(codes(after)).toEqual(["REVIEW_VIOLATIONS", "REVIEW_PERSONAL_API_KEYS"]);
  expect((await report(from)).violations).toEqual([]);
});
