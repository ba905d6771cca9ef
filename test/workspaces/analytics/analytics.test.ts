import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AnalyticsReads } from "../../../server/db/analytics-reads.ts";
import type { Dependencies } from "../../../server/dependencies.ts";
import { connectInUtc, createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { callerWith, createTestDependencies } from "../../support/services.ts";
import { makeStaffedWorkspace } from "../../support/workspace.ts";
import { goOn } from "./history.ts";
import { naiveHours, naiveTotals } from "./naive-totals.ts";
import { makePastWorkspace, type PastCaller, pick } from "./past-workspace.ts";

const DAY_MS = 86_400_000;
const ROUNDS = process.env["ISOLATION_FUZZ"] === "long" ? 40 : 3;
const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana"];
/** Around the clock's changes of spring and autumn, and the days before now. */
const TIMES: [number, number][] = [
  [Date.UTC(2026, 2, 1), Date.UTC(2026, 3, 10)],
  [Date.UTC(2026, 9, 18), Date.UTC(2026, 10, 6)],
  [Date.now() - 65 * DAY_MS, Date.now() - 600_000],
];

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

/** A workspace with a history in the database of this file. */
const makePast = () => makePastWorkspace({ database, dependencies, superuser, times: TIMES });

/** A range, and how it is asked for. */
function randomRange(): { period?: "7d" | "30d" | "90d"; from?: Date; to?: Date } {
  if (Math.random() < 0.3) return { period: pick(["7d", "30d", "90d"] as const) };
  const [fromMs, toMs] = pick(TIMES);
  const from = new Date(fromMs + Math.random() * 5 * DAY_MS);
  return Math.random() < 0.2
    ? { from: new Date(Date.now() - 20 * DAY_MS) }
    : { from, to: new Date(Math.max(toMs - Math.random() * 9 * DAY_MS, from.getTime() + 1)) };
}

/** What the answers to one caller differ in from the naive recomputation. */
async function differences(on: Dependencies, workspaceId: string, { headers, sessions, agents }: PastCaller): Promise<string[]> {
  const { analytics } = callerWith(on, headers).workspaces;
  const found: string[] = [];
  const compare = (what: string, seen: unknown, expected: unknown) => {
    if (JSON.stringify(seen) !== JSON.stringify(expected))
      found.push(`${what}: ${JSON.stringify(seen)} instead of ${JSON.stringify(expected)}`);
  };
  const timezone = pick(ZONES);
  const asked = { workspaceId, timezone, ...randomRange() };
  const overview = await analytics.overview({ ...asked, interval: "day" });
  const [fromMs, toMs] = [overview.from.getTime(), overview.to.getTime()];
  compare("the numbers", overview.current, naiveTotals(sessions, fromMs, toMs));
  const { from, to, ...previous } = overview.previous;
  compare("how much time before", [to.getTime(), to.getTime() - from.getTime()], [fromMs, toMs - fromMs]);
  compare("the time before", previous, naiveTotals(sessions, from.getTime(), to.getTime()));
  compare("the busiest hours", overview.busiestHours, naiveHours(sessions, timezone, fromMs, toMs));
  compare("agents", overview.totalAgents, agents.length);
  compare("active agents", [overview.activeAgents, overview.agentsByStatus.inactive], [agents.length - 1, 1]);
  compare("open sessions", overview.activeSessions, sessions.filter(({ status }) => status === "active").length);
  const agentId = pick([undefined, ...agents]);
  const interval = pick(toMs - fromMs > 30 * DAY_MS ? (["day", "week", "month"] as const) : (["hour", "day"] as const));
  const { data } = await analytics.timeseries({ ...asked, interval, agentId });
  const ofAgent = sessions.filter((session) => agentId === undefined || session.agentId === agentId);
  for (const buckets of [overview.series ?? [], data]) {
    const counted = buckets === data ? ofAgent : sessions;
    for (const { start, end, ...numbers } of buckets) {
      compare(`in ${timezone} from ${start.toISOString()}`, numbers, naiveTotals(counted, start.getTime(), end.getTime()));
    }
    compare(
      "the end of each bucket",
      buckets.map(({ end }) => end),
      [...buckets.slice(1).map(({ start }) => start), overview.to],
    );
  }
  const perAgent = [];
  for (let cursor: string | undefined, isMore = true; isMore; ) {
    const page = await analytics.agents({ ...asked, limit: 2, cursor });
    perAgent.push(...page.data);
    cursor = page.nextCursor ?? undefined;
    isMore = cursor !== undefined;
  }
  compare("which agents", perAgent.map((agent) => agent.agentId).sort(), [...agents].sort());
  for (const { agentId: id, name: _, status: __, ...numbers } of perAgent) {
    compare(
      "an agent",
      numbers,
      naiveTotals(
        sessions.filter((session) => session.agentId === id),
        fromMs,
        toMs,
      ),
    );
  }
  compare(
    "their order",
    perAgent.map(({ messages }) => messages),
    perAgent.map(({ messages }) => messages).sort((one, other) => other - one),
  );
  return found;
}

test("for every caller, range, zone and interval the numbers are those of every event that the caller may see, and of no other", {
  timeout: 600_000,
}, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const { workspaceId, callers } = await makePast();
    // Elsewhere there is a history too.
    await makePast();
    for (const caller of callers) {
      for (let again = 0; again < 4; again++)
        expect([caller.name, await differences(dependencies, workspaceId, caller)]).toEqual([caller.name, []]);
    }
  }
});

test("numbers are the same whether all, some or none of them are settled, and settled ones are used", {
  timeout: 600_000,
}, async () => {
  const settle = async () =>
    dependencies.sweeps.find(({ name }) => name === "analytics.settle-all")?.run(new AbortController().signal);
  const settled = async () => {
    const { rows } = await superuser.query(
      "select count(distinct session_id)::int as count from parlant.parlant_session_activity kept",
    );
    return rows[0].count as number;
  };
  await settle();
  for (let round = 0; round < ROUNDS; round++) {
    const { workspaceId, callers, sessions } = await makePast();
    const before = await settled();
    const compareAll = async () => {
      for (const caller of callers)
        expect([caller.name, await differences(dependencies, workspaceId, caller)]).toEqual([caller.name, []]);
    };
    expect(await settle()).toBeGreaterThan(0);
    expect(await settle()).toBe(0);
    expect(await settled()).toBe(before + sessions.filter(({ events }) => events.length > 0).length);
    // One that says it has events which are not there is never settled, and no sweep waits for it.
    const empty = sessions.find(({ events }) => events.length === 0);
    await superuser.query("update parlant.parlant_session set event_count = 3 where id = $1", [empty?.id]);
    expect(await settle()).toBe(0);
    await compareAll();
    for (const session of sessions) if (Math.random() < 0.3) await goOn(superuser, workspaceId, session);
    await compareAll();
    await settle();
    await compareAll();
    // Control: another number in the settled ones is told; thrown away, they are made anew.
    await superuser.query("update parlant.parlant_session_activity set messages = messages + 1 where workspace_id = $1", [
      workspaceId,
    ]);
    const [admin] = callers;
    if (!admin) throw new Error("A workspace has an admin");
    const all = { workspaceId, from: new Date("2026-01-01T00:00:00Z") };
    const { analytics } = callerWith(dependencies, admin.headers).workspaces;
    const told = await analytics.overview(all);
    expect(told.totalMessages).toBeGreaterThan(naiveTotals(admin.sessions, told.from.getTime(), told.to.getTime()).messages);
    await superuser.query("delete from parlant.parlant_session_activity where workspace_id = $1", [workspaceId]);
    await settle();
    await compareAll();
  }
});

test("control: numbers that leave out the condition of what is seen are told apart", async () => {
  const { services } = dependencies;
  const unconditional = (reads: AnalyticsReads): AnalyticsReads => {
    const all = <Query extends { view: { levels: { rule: object } } }>(query: Query) => ({
      ...query,
      view: { ...query.view, levels: { ...query.view.levels, rule: { ...query.view.levels.rule, managesAll: true } } },
    });
    return {
      overview: (query) => reads.overview(all(query)),
      buckets: (query) => reads.buckets(all(query)),
      workspace: (query) => reads.workspace(all(query)),
      agents: (query) => reads.agents(all(query)),
      settle: reads.settle,
    };
  };
  const broken: Dependencies = {
    ...dependencies,
    services: {
      ...services,
      resolveAccess: async (...asked) => {
        const access = await services.resolveAccess(...asked);
        return { ...access, db: Object.create(access.db, { analytics: { value: unconditional(access.db.analytics) } }) };
      },
    },
  };
  const { workspaceId, callers } = await makePast();
  for (const caller of callers) {
    const found = await differences(broken, workspaceId, caller);
    if (caller.name === "admin") expect(found).toEqual([]);
    else
      expect(found.map((difference) => difference.split(":")[0])).toEqual(
        expect.arrayContaining(["open sessions", "which agents"]),
      );
  }
});

test("what cannot be answered is refused with the field and what is allowed", async () => {
  const { id: workspaceId, reader } = await makeStaffedWorkspace(database.owner);
  const { analytics } = callerWith(dependencies, reader.headers).workspaces;
  const [from, to] = [new Date("2026-03-01T00:00:00Z"), new Date("2026-03-02T00:00:00Z")];
  const refused: [object, string][] = [
    [{ timezone: "Mars/Olympus" }, "timezone"],
    [{ timezone: "+02:00" }, "timezone"],
    [{ from: to, to: from }, "to"],
    [{ from, to: from }, "to"],
    [{ to }, "from"],
    [{ from: new Date(Date.now() + DAY_MS) }, "to"],
    [{ period: "7d", from, to }, "period"],
    [{ period: "1y" }, "period"],
    [{ from: new Date("2020-01-01T00:00:00Z"), to }, "from"],
    [{ from: new Date("9999-12-31T00:00:00Z"), to: new Date("9999-12-31T23:59:59.999Z") }, "to"],
    [{ interval: "minute" }, "interval"],
    [{ period: "90d", interval: "hour" }, "interval"],
  ];
  for (const [input, field] of refused) {
    const call = analytics.timeseries({ workspaceId, ...input } as never);
    await expect(call, JSON.stringify(input)).rejects.toMatchObject({ code: "BAD_REQUEST" });
    const issues = await call.catch((error) => error.cause.details?.issues ?? error.cause.issues);
    expect([input, issues[0].path]).toEqual([input, [field]]);
  }
  const { data, from: used, to: end } = await analytics.timeseries({ workspaceId, from: new Date("2026-03-01T00:07:00Z"), to });
  expect([used, end, data.length]).toEqual([from, to, 1]);
});
