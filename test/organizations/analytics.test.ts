import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dependencies } from "../../server/dependencies.ts";
import {
  connectInUtc,
  createTestDatabase,
  makeApiKey,
  makeMember,
  makeOrganization,
  type TestDatabase,
} from "../support/database.ts";
import { internalHeaders } from "../support/internal.ts";
import { callerWith, createTestDependencies } from "../support/services.ts";
import { makeSignedInUser } from "../support/workspace.ts";
import { naiveTotals } from "../workspaces/analytics/naive-totals.ts";
import { makePastWorkspace } from "../workspaces/analytics/past-workspace.ts";

const DAY_MS = 86_400_000;
const TIMES: [number, number][] = [[Date.now() - 20 * DAY_MS, Date.now() - 1]];

let database: TestDatabase;
let dependencies: Dependencies;
let superuser: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = await createTestDependencies(database.appUrl);
  superuser = await connectInUtc(database.superuserUrl);
});

afterAll(async () => {
  await superuser?.end();
  await dependencies?.close();
  await database?.drop();
});

const makePast = () => makePastWorkspace({ database, dependencies, superuser, times: TIMES });
const overviewOf = (headers: Record<string, string>, organizationId: string) =>
  callerWith(dependencies, headers).organizations.analytics.overview({
    organizationId,
    period: "7d",
    timezone: "Asia/Kathmandu",
  });

/** An organization of two workspaces with histories, an archived one and one that is another organization's. */
async function makeCompany() {
  const { id: organizationId } = await makeOrganization(database.owner);
  const other = await makeOrganization(database.owner);
  const [boss, member] = [await makeSignedInUser(database.owner), await makeSignedInUser(database.owner)];
  await makeMember(database.owner, { organizationId, userId: boss.id, role: "admin" });
  await makeMember(database.owner, { organizationId, userId: member.id, role: "member" });
  const [one, two, archived, elsewhere] = [await makePast(), await makePast(), await makePast(), await makePast()];
  const put = (id: string, into: string) =>
    database.owner.query("update workspace set organization_id = $2 where id = $1", [id, into]);
  for (const { workspaceId } of [one, two, archived]) await put(workspaceId, organizationId);
  await put(elsewhere.workspaceId, other.id);
  await database.owner.query("update workspace set archived_at = now() where id = $1", [archived.workspaceId]);
  return { organizationId, boss, member, counted: [one, two], archived, elsewhere };
}

/** The highest number that is no more, and has eight binary places that are not zero. */
function rounded(ms: number | null): number | null {
  if (ms === null) return null;
  let unit = 1;
  while (ms / unit >= 256) unit *= 2;
  return Math.floor(ms / unit) * unit;
}

function naive(workspaces: Awaited<ReturnType<typeof makePast>>[], fromMs: number, toMs: number) {
  const ofAdmins = workspaces.map(({ callers }) => callers.find(({ name }) => name === "admin")?.sessions ?? []);
  const totals = naiveTotals(ofAdmins.flat(), fromMs, toMs);
  const { p50, p95, p99 } = totals.responseLatencyMs;
  return {
    ...totals,
    uniqueCustomers: ofAdmins.reduce((sum, sessions) => sum + naiveTotals(sessions, fromMs, toMs).uniqueCustomers, 0),
    responseLatencyMs: { p50: rounded(p50), p95: rounded(p95), p99: rounded(p99) },
  };
}

test("an organization's admin gets what its live workspaces come to, and of no other", { timeout: 120_000 }, async () => {
  const { organizationId, boss, counted } = await makeCompany();
  const overview = await overviewOf(boss.headers, organizationId);
  const { from, to, previous } = overview;
  expect(overview).toMatchObject({
    organizationId,
    exact: true,
    totalWorkspaces: 2,
    countedWorkspaces: 2,
    totalAgents: 10,
    activeAgents: 8,
  });
  expect(overview.current).toEqual(naive(counted, from.getTime(), to.getTime()));
  expect(previous).toEqual({
    ...naive(counted, previous.from.getTime(), previous.to.getTime()),
    from: previous.from,
    to: from,
  });
  expect(overview.current.messages).toBeGreaterThan(0);
  const ofEach = counted.map((workspace) => ({
    workspaceId: workspace.workspaceId,
    messages: naive([workspace], from.getTime(), to.getTime()).messages,
  }));
  expect(overview.topConsumers).toMatchObject(ofEach.sort((one, other) => other.messages - one.messages));
  expect(await overviewOf(await internalHeaders(boss.id), organizationId)).toMatchObject({ current: overview.current });
});

test("control: an archived workspace and another organization's would show", { timeout: 120_000 }, async () => {
  const { organizationId, boss, counted, archived, elsewhere } = await makeCompany();
  const { current, from, to } = await overviewOf(boss.headers, organizationId);
  for (const uncounted of [archived, elsewhere]) {
    expect(current).not.toEqual(naive([...counted, uncounted], from.getTime(), to.getTime()));
  }
  await database.owner.query("update workspace set archived_at = null where id = $1", [archived.workspaceId]);
  const restored = await overviewOf(boss.headers, organizationId);
  expect(restored).toMatchObject({ totalWorkspaces: 3, countedWorkspaces: 3 });
  expect(restored.current).toEqual(naive([...counted, archived], restored.from.getTime(), restored.to.getTime()));
});

test("for whoever is no owner or admin there is no organization, and as soon as one is none any more", {
  timeout: 120_000,
}, async () => {
  const { organizationId, boss, member, counted } = await makeCompany();
  const stranger = await makeSignedInUser(database.owner);
  const key = await makeApiKey(database.owner, { userId: boss.id, workspaceId: counted[0]?.workspaceId ?? "" });
  const refused = [member.headers, stranger.headers, { "x-api-key": key.plain }, counted[0]?.callers[0]?.headers ?? {}];
  const absent = await overviewOf(boss.headers, randomUUID()).catch((error) => error);
  expect(absent).toMatchObject({ code: "NOT_FOUND", message: "Organization not found" });
  for (const headers of refused) {
    await expect(overviewOf(headers, organizationId)).rejects.toMatchObject({ code: "NOT_FOUND", message: absent.message });
  }
  await expect(overviewOf({}, organizationId)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  await overviewOf(boss.headers, organizationId);
  await database.owner.query("update member set role = 'member' where user_id = $1", [boss.id]);
  await expect(overviewOf(boss.headers, organizationId)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("what a personal key is not let into is not counted, and the answer says so", { timeout: 120_000 }, async () => {
  const { organizationId, boss, counted } = await makeCompany();
  const [closed, open] = counted;
  const key = { "x-api-key": (await makeApiKey(database.owner, { userId: boss.id })).plain };
  expect(await overviewOf(key, organizationId)).toMatchObject({ exact: true, countedWorkspaces: 2 });
  await database.owner.query("update workspace set allow_personal_api_keys = false where id = $1", [closed?.workspaceId]);
  const overview = await overviewOf(key, organizationId);
  expect(overview).toMatchObject({ exact: false, totalWorkspaces: 2, countedWorkspaces: 1 });
  if (open) expect(overview.current).toEqual(naive([open], overview.from.getTime(), overview.to.getTime()));
});
