import pg from "pg";
import { callerWith, createTestDependencies } from "../support/services.ts";
import type { BenchDatabase } from "./bench-database.ts";
import { type Latency, measureLatency, type Variant } from "./measure.ts";

/** As many as `BENCH_EVENTS` says at the most. */
const SIZES = [100_000, Number(process.env["BENCH_EVENTS"] ?? 500_000)];
const ROUNDS = 5;
const EVENTS_PER_SESSION = 20;
const DAYS = 60;

/** Analytics of a workspace with a history of 60 days, through the whole ladder and in process, of ever more events. */
export async function benchAnalytics({ appUrl, superuserUrl, workspaceId, bearer }: BenchDatabase): Promise<string[]> {
  const dependencies = await createTestDependencies(appUrl);
  const superuser = new pg.Client({ connectionString: superuserUrl });
  await superuser.connect();
  try {
    const { analytics } = callerWith(dependencies, { authorization: bearer }).workspaces;
    const asked = { workspaceId, period: "30d" as const, timezone: "Europe/Berlin" };
    const variants: Variant[] = [
      { name: "analytics.overview of 30 days and the 30 before", run: () => analytics.overview(asked) },
      { name: "analytics.timeseries of 30 days", run: () => analytics.timeseries(asked) },
      { name: "analytics.agents of 30 days", run: () => analytics.agents(asked) },
    ];
    const settle = dependencies.sweeps.find(({ name }) => name === "analytics.settle-all");
    const measured: { of: string; latencies: Latency[] }[] = [];
    for (const [index, size] of SIZES.entries()) {
      await fill(superuser, workspaceId, size - (SIZES[index - 1] ?? 0));
      await superuser.query("truncate parlant.parlant_session_activity");
      const of = `${size.toLocaleString("en")} events here`;
      measured.push({ of: `${of}, none settled`, latencies: await measureLatency(variants, 1) });
      await settle?.run(new AbortController().signal);
      await superuser.query("vacuum analyze parlant.parlant_session_activity");
      measured.push({ of: `${of}, all settled`, latencies: await measureLatency(variants, ROUNDS) });
    }
    return [
      `| in process, p50 | ${measured.map(({ of }) => of).join(" | ")} |`,
      `| --- |${measured.map(() => " --- |").join("")}`,
      ...variants.map(({ name }) => {
        const p50s = measured.map(({ latencies }) => latencies.find((one) => one.name === name)?.p50Us ?? Number.NaN);
        return `| ${name} | ${p50s.map((us) => `${(us / 1_000).toFixed(0)} ms`).join(" | ")} |`;
      }),
    ];
  } finally {
    await superuser.end();
    await dependencies.close();
  }
}

/** Sessions of 20 events, a minute apart: messages of both sides in turn, a tool now and then. */
async function fill(superuser: pg.Client, workspaceId: string, count: number): Promise<void> {
  await superuser.query("set session_replication_role = replica");
  await superuser.query(
    `with agent as (
       select id, row_number() over (order by id) as place from parlant.parlant_agent where workspace_id = $1 order by id limit 20
     ), made as (
       insert into parlant.parlant_session (workspace_id, id, agent_id, user_id, customer_id, boundary, boundary_key_version, started_at,
         last_activity_at, created_at, updated_at, event_count, message_count)
       select $1, gen_random_uuid(), agent.id, 'user-' || (1 + n % 50), 'customer-' || (n % 5000), 'none', 1, at, at + $3 * interval '1 minute',
         at, at, $3, $3
       from generate_series(1, $2::integer) n join agent on place = 1 + n % 20
       cross join lateral (select now() - (n * 7919 % 100000) * $4 * interval '1 day' / 100000 - $3 * interval '1 minute' as at) moment
       returning workspace_id, id, created_at)
     insert into parlant.parlant_event (workspace_id, session_id, "offset", id, source, kind, data, trace_id, created_at)
     select workspace_id, made.id, place - 1, gen_random_uuid(), (array['customer', 'ai_agent'])[1 + place % 2]::parlant.event_source,
       case when place % 5 = 0 then 'tool' else 'message' end::parlant.event_kind,
       case when place % 5 = 0 then '{"tool_calls":[{"tool_id":"shop:find","arguments":{},"result":{"data":"fine","metadata":{}}}]}'
         else '{"message":"Where is my order?"}' end::jsonb, 'trace', created_at + (place - 1) * interval '1 minute' * (0.5 + random() / 2)
     from made, generate_series(1, $3::integer) place`,
    [workspaceId, count / EVENTS_PER_SESSION, EVENTS_PER_SESSION, DAYS],
  );
  await superuser.query("set session_replication_role = origin");
  await superuser.query("vacuum analyze parlant.parlant_session, parlant.parlant_event");
}
