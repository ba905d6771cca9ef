import pg from "pg";
import { callerWith, createTestDependencies } from "../support/services.ts";
import type { BenchDatabase } from "./bench-database.ts";
import { type Latency, measureLatency, type Variant } from "./measure.ts";

const SIZES = [1_000, 1_000_000];
const ROUNDS = 2_000;
const OTHER_WORKSPACES = 500;
const EVENTS_PER_SESSION = 100;

/**
 * An append of one message, a list of 20 events and a session's get, through the whole ladder and in process, with ever
 * more events of other workspaces. Beside them a statement that reads no table, which shows what the machine does meanwhile.
 */
export async function benchEvents({ appUrl, superuserUrl, workspaceId, bearer }: BenchDatabase): Promise<string[]> {
  const dependencies = await createTestDependencies(appUrl);
  const superuser = new pg.Client({ connectionString: superuserUrl });
  await superuser.connect();
  try {
    const { agents, sessions, events } = callerWith(dependencies, { authorization: bearer }).workspaces;
    const { id: agentId } = await agents.create({ workspaceId, name: "Bench of events" });
    const { id: sessionId } = await sessions.create({ workspaceId, agentId });
    const ref = { workspaceId, sessionId };
    const message = { kind: "message" as const, source: "customer" as const, data: { message: "Where is my order?" } };
    await events.append({ ...ref, events: Array.from({ length: 20 }, () => message) });
    const nothing = { name: "bench_nothing", text: "select 1", values: [] };
    const variants: Variant[] = [
      { name: "statement that reads no table", run: () => dependencies.database.sim.query(nothing) },
      { name: "events.append", run: () => events.append({ ...ref, events: [message] }) },
      { name: "events.list of 20", run: () => events.list({ ...ref, limit: 20 }) },
      { name: "sessions.get", run: () => sessions.get(ref) },
    ];
    const measured: { size: number; latencies: Latency[] }[] = [];
    for (const [index, size] of SIZES.entries()) {
      await fillEvents(superuser, size - (SIZES[index - 1] ?? 0), index);
      measured.push({ size, latencies: await measureLatency(variants, ROUNDS) });
    }
    const [least] = measured;
    return [
      "| in process, p50 | " +
        measured.map(({ size }) => `${size.toLocaleString("en")} events elsewhere`).join(" | ") +
        " | ratio |",
      `| --- |${measured.map(() => " --- |").join("")} --- |`,
      ...variants.map(({ name }) => {
        const p50s = measured.map(({ latencies }) => latencies.find((one) => one.name === name)?.p50Us ?? Number.NaN);
        const first = least?.latencies.find((one) => one.name === name)?.p50Us ?? Number.NaN;
        return `| ${name} | ${p50s.map((us) => `${us.toFixed(0)} us`).join(" | ")} | ${((p50s.at(-1) ?? Number.NaN) / first).toFixed(2)} |`;
      }),
    ];
  } finally {
    await superuser.end();
    await dependencies.close();
  }
}

/** Sessions of other workspaces' agents, with a hundred events each. */
async function fillEvents(superuser: pg.Client, count: number, round: number): Promise<void> {
  await superuser.query("set session_replication_role = replica");
  const sessions = count / EVENTS_PER_SESSION;
  await superuser.query(
    `with made as (
       insert into parlant.parlant_session (workspace_id, id, agent_id, user_id, boundary, boundary_key_version, started_at,
         last_activity_at, created_at, updated_at, event_count, message_count)
       select a.workspace_id, gen_random_uuid(), a.id, 'user-2', 'none', 1, now(), now(), now(), now(), $2, $2
       from generate_series(1, $1::integer) n
       join lateral (select workspace_id, id from parlant.parlant_agent
         where workspace_id = 'workspace-' || (2 + (n + $3) % $4) limit 1) a on true
       returning workspace_id, id)
     insert into parlant.parlant_event (workspace_id, session_id, "offset", id, source, kind, data, trace_id, created_at)
     select workspace_id, made.id, place - 1, gen_random_uuid(), 'customer', 'message', '{"message":"Where is my order?"}', 'trace', now()
     from made, generate_series(1, $2::integer) place`,
    [sessions, EVENTS_PER_SESSION, round, OTHER_WORKSPACES],
  );
  await superuser.query("set session_replication_role = origin");
  await superuser.query("vacuum analyze parlant.parlant_session, parlant.parlant_event");
}
