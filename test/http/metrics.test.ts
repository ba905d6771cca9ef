import { connect } from "node:net";
import { Gauge, Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SimReader } from "../../server/db/sim-reader.ts";
import { addQueueMetrics } from "../../server/queue-metrics.ts";
import { createMovableClock } from "../support/clock.ts";
import { changePastTheServer } from "../support/past-the-server.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { callerWith } from "../support/services.ts";
import { startApp } from "./app-under-test.ts";

const TOKEN = "metrics-token-of-the-tests";
const clock = createMovableClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ METRICS_TOKEN: TOKEN }, { clock });
});
afterAll(() => server?.stop());

const read = (headers: Record<string, string> = {}, of = server) => fetch(`${of.url}/metrics`, { headers });

/** The value of each series. */
async function scrape(): Promise<Map<string, number>> {
  const text = await (await read()).text();
  const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(series.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));
}

/** By how much series grew while the work was done. */
async function growth(names: readonly string[], work: () => Promise<unknown>): Promise<number[]> {
  const before = await scrape();
  await work();
  const after = await scrape();
  return names.map((name) => (after.get(name) ?? 0) - (before.get(name) ?? 0));
}

/** The status with which a request is answered whose headers fetch would not send as they are. */
async function statusWith(headers: string): Promise<string> {
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.end(`GET /metrics HTTP/1.1\r\n${headers}\r\nconnection: close\r\n\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return /^HTTP\/1\.1 (\d+)/.exec(Buffer.concat(chunks).toString())?.[1] ?? "none";
}

test("this machine itself is shown the metrics, in Prometheus' text format", async () => {
  const answer = await read();
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await answer.text()).toMatch(/^# HELP parlant_\w+ .+\n# TYPE parlant_\w+ (counter|gauge|histogram)\n/m);
});

test.each([
  "x-forwarded-for: 127.0.0.1",
  "x-forwarded-host: localhost",
  "forwarded: for=127.0.0.1",
  "via: 1.1 proxy",
  "x-real-ip: 127.0.0.1",
])("what came through a proxy on this machine (%s) is from elsewhere", async (header) => {
  expect(await statusWith(`host: localhost\r\n${header}`)).toBe("401");
  expect(await statusWith(`host: localhost\r\n${header}\r\nauthorization: Bearer ${TOKEN}`)).toBe("200");
});

test("a page that has bound its own name to the loopback address is shown nothing", async () => {
  expect(await statusWith("host: rebound.example.com")).toBe("401");
  expect(await statusWith("host: localhost.example.com:8001")).toBe("401");
  expect(await statusWith("host: 127.0.0.1:8001")).toBe("200");
});

test("where a proxy on this machine is trusted, nothing is this machine's own without the token", async () => {
  for (const TRUSTED_PROXIES of ["loopback", "127.0.0.0/8", "10.0.0.0/8,127.0.0.1"]) {
    const behindProxy = await startTestServer({ TRUSTED_PROXIES });
    expect((await read({}, behindProxy)).status).toBe(401);
    await behindProxy.stop();
  }
});

test("from elsewhere only the token shows them, and no other word for it", async () => {
  const remote = { remoteAddress: "192.0.2.1" };
  const { app } = await startApp({ metrics: { registry: new Registry(), token: TOKEN } });
  const from = (authorization?: string) =>
    app.inject({ url: "/metrics", ...remote, headers: authorization === undefined ? {} : { authorization } });
  expect((await from()).statusCode).toBe(401);
  for (const wrong of [`Bearer ${TOKEN}x`, "Bearer ", "Bearer undefined", TOKEN, `Basic ${TOKEN}`])
    expect([wrong, (await from(wrong)).statusCode]).toEqual([wrong, 401]);
  expect((await from(`Bearer ${TOKEN}`)).statusCode).toBe(200);
  await app.close();
  const withoutToken = await startApp({ metrics: { registry: new Registry(), token: undefined } });
  expect(
    (await withoutToken.app.inject({ url: "/metrics", ...remote, headers: { authorization: "Bearer undefined" } })).statusCode,
  ).toBe(401);
  await withoutToken.app.close();
});

test("requests are timed by their route and never by what a caller wrote", async () => {
  const { id, reader } = server.workspace;
  const agents = `${server.url}/api/v1/workspaces/${id}/agents`;
  await fetch(agents, { headers: reader.headers });
  await fetch(`${agents}/${crypto.randomUUID()}`, { headers: reader.headers });
  await fetch(`${server.url}/no/such/path`);
  await fetch(
    `${server.url}/api/trpc/workspaces.agents.list?input=${encodeURIComponent(JSON.stringify({ json: { workspaceId: id } }))}`,
    {
      headers: reader.headers,
    },
  );
  await fetch(`${server.url}/api/trpc/made.up.by.a.caller`);
  await fetch(`${server.url}/%zz`);
  const names = [...(await scrape()).keys()].filter((name) => name.startsWith("parlant_http_request_duration_seconds_count"));
  const expected = [
    '{method="GET",route="/api/v1/workspaces/:workspaceId/agents",status="200"}',
    '{method="GET",route="/api/v1/workspaces/:workspaceId/agents/:agentId",status="404"}',
    '{method="GET",route="none",status="404"}',
    '{method="GET",route="/api/trpc/workspaces.agents.list",status="200"}',
    '{method="GET",route="/api/trpc/unknown",status="404"}',
    '{method="GET",route="none",status="400"}',
  ];
  for (const labels of expected) expect(names).toContain(`parlant_http_request_duration_seconds_count${labels}`);
  const text = await (await read()).text();
  for (const written of [id, "made.up", "no/such"]) expect(text).not.toContain(written);
});

const ALLOWED = 'parlant_authz_decisions_total{result="allow"}';
const DENIED = 'parlant_authz_decisions_total{result="deny"}';
const REJECTED = "parlant_guard_rejections_total";

test("each call counts once as allowed or denied, wherever it was decided", async () => {
  const { id: workspaceId, writer, reader } = server.workspace;
  const { agents } = callerWith(server.dependencies, writer.headers).workspaces;
  const readers = callerWith(server.dependencies, reader.headers).workspaces.agents;
  let agentId = "";
  expect(
    await growth([ALLOWED, DENIED], async () => {
      agentId = (await agents.create({ workspaceId, name: "Counted", visibility: "restricted" })).id;
      await agents.list({ workspaceId });
    }),
  ).toEqual([2, 0]);
  const denied = [
    () => readers.create({ workspaceId, name: "Refused" }),
    () => readers.get({ workspaceId, agentId }),
    () => readers.list({ workspaceId: "another" }),
  ];
  expect(
    await growth([ALLOWED, DENIED], async () => {
      for (const call of denied) await call().catch(() => {});
    }),
  ).toEqual([0, 3]);
  // What is only wrong is no decision.
  expect(await growth([ALLOWED, DENIED], () => readers.list({ workspaceId, limit: 0 }).catch(() => {}))).toEqual([0, 0]);
});

test("a remembered permission that is gone is one rejection by the guard; a check of the guard is none", async () => {
  const { id: workspaceId, writer } = server.workspace;
  const { agents } = callerWith(server.dependencies, writer.headers).workspaces;
  // It may find the same out at the same moment, which counts too.
  await server.dependencies.antiEntropy.stop();
  await agents.list({ workspaceId });
  await server.database.owner.query("update permissions set permission_type = 'read' where user_id = $1", [writer.id]);
  expect(await growth([REJECTED], () => agents.list({ workspaceId }))).toEqual([1]);
  expect(await growth([REJECTED], () => server.dependencies.services.isolation.health(workspaceId))).toEqual([0]);
  expect((await scrape()).get('parlant_context_cache_lookups_total{result="hit"}')).toBeGreaterThan(0);
});

test("a row that was moved is one violation, and there is none before", async () => {
  const { id: workspaceId, admin } = server.workspace;
  const { agents } = callerWith(server.dependencies, admin.headers).workspaces;
  const { id } = await agents.create({ workspaceId, name: "Moved" });
  expect((await scrape()).get("parlant_isolation_violations_total")).toBe(0);
  await changePastTheServer(server.database.owner, "update parlant.parlant_agent set boundary = 'x' where id = $1", [id]);
  await agents.list({ workspaceId });
  expect((await scrape()).get("parlant_isolation_violations_total")).toBe(1);
});

test("what waits to be recorded has an age, and none once it is written", async () => {
  const { id: workspaceId } = server.workspace;
  const { trail } = server.dependencies.services.audit;
  await trail.flush();
  await server.dependencies.services.audit.decisions.flush();
  expect((await scrape()).get("parlant_audit_lag_seconds")).toBe(0);
  const event = {
    workspaceId,
    action: "agent.create",
    reasonCode: "X",
    rule: null,
    actorKind: "session",
    actorId: "u",
    onBehalfOf: null,
  };
  trail.add({ ...event, method: null, target: { kind: "workspace", id: workspaceId }, ipAddress: null, requestId: null });
  clock.forward(90_000);
  const waiting = await server.dependencies.metrics.getSingleMetricAsString("parlant_audit_lag_seconds");
  expect(Number(waiting.split(" ").at(-1))).toBeGreaterThanOrEqual(90);
  await trail.flush();
  expect((await scrape()).get("parlant_audit_lag_seconds")).toBe(0);
});

test("jobs that wait and that failed are counted by their queue, and the oldest webhook has an age", async () => {
  await server.database.owner.query(
    `insert into parlant.queue (name, policy, retry_limit, retry_delay, retry_backoff, expire_seconds, retention_seconds, deletion_seconds, partition, table_name)
    select name, 'standard', 0, 0, false, 60, 60, 60, false, 'job_common' from unnest($1::text[]) as name on conflict do nothing`,
    [["webhook", "purge", "webhook.dead"]],
  );
  await server.database.owner.query(`insert into parlant.job_common (id, name, state, created_on, start_after, data)
    select gen_random_uuid(), name, state::parlant.job_state, now() - interval '90 s', now() - interval '80 s', '{"workspaceId":"w"}'
    from (values ('webhook', 'created'), ('webhook', 'failed'), ('purge', 'active'), ('webhook.dead', 'created')) as job (name, state)`);
  clock.forward(5_000);
  const series = await scrape();
  expect(series.get('parlant_jobs{queue="webhook",state="waiting"}')).toBe(1);
  expect(series.get('parlant_jobs{queue="purge",state="active"}')).toBe(1);
  expect(series.get('parlant_job_overdue_seconds{queue="webhook"}')).toBeGreaterThanOrEqual(80);
  expect(series.get("parlant_webhook_inbox_age_seconds")).toBeGreaterThanOrEqual(90);
  // The webhook's own failed job is no dead letter: whether its delivery is one, the delivery says.
  expect(series.get("parlant_dead_letters")).toBe(1);
});

test("webhooks that failed for good are dead letters for as long as they are, and one that waits has its age", async () => {
  const { owner } = server.database;
  const insert = `insert into parlant.parlant_webhook_delivery (workspace_id, id, kind, body, body_sha256, status, received_at)
    select $1, status || n, 'workspace_event', '\\x00', sha256('\\x00'), status::parlant.webhook_status, now() - interval '2 days'
    from (values ('dead', 1), ('dead', 2), ('failed', 1)) as delivery (status, n)`;
  const seen = async () => {
    clock.forward(60_000);
    const series = await scrape();
    return [series.get("parlant_dead_letters") ?? -1, series.get("parlant_webhook_inbox_age_seconds") ?? -1];
  };
  const [before = -1] = await seen();
  await changePastTheServer(owner, insert, [server.workspace.id]);
  const [dead, age] = await seen();
  expect(dead).toBe(before + 2);
  expect(age).toBeGreaterThanOrEqual(2 * 86_400);
  const end = "update parlant.parlant_webhook_delivery set status = 'done', processed_at = now() where workspace_id = $1";
  await changePastTheServer(owner, end, [server.workspace.id]);
  const [afterwards, ageAfterwards] = await seen();
  expect(afterwards).toBe(before);
  expect(ageAfterwards).toBeLessThan(86_400);
});

test("where no connection is to be had, what is read without one is told all the same", async () => {
  const registry = new Registry();
  const asked = Promise.withResolvers<never[]>();
  addQueueMetrics(registry, { sim: { query: () => asked.promise }, clock, waitMs: 1 });
  new Gauge({ name: "other", help: "Another", registers: [registry] }).set(7);
  const text = await registry.metrics();
  expect(text).toMatch(/^other 7$/m);
  expect(text).not.toMatch(/^parlant_dead_letters /m);
  asked.resolve([]);
});

test("what takes longer to count is told as it was counted last, is counted once at a time, and is gone where it fails", async () => {
  const counts: PromiseWithResolvers<object[]>[] = [];
  const sim: SimReader = {
    query: async ({ name }) => {
      if (name !== "inbox_totals") return [];
      counts.push(Promise.withResolvers());
      return (await counts.at(-1)?.promise) as never[];
    },
  };
  const registry = new Registry();
  addQueueMetrics(registry, { sim, clock, waitMs: 1 });
  const dead = async () => /^parlant_dead_letters (\d+)$/m.exec(await registry.metrics())?.[1];
  expect(await dead()).toBeUndefined();
  counts[0]?.resolve([{ dead: 3, oldestSeconds: 0 }]);
  expect(await dead()).toBe("3");
  clock.forward(60_000);
  expect([await dead(), await dead(), counts.length]).toEqual(["3", "3", 2]);
  counts[1]?.reject(new Error("the database is away"));
  expect(await dead()).toBeUndefined();
});

test("every metric of the operating contract is there, and no label is of a workspace", async () => {
  const text = await (await read()).text();
  for (const name of [
    "parlant_http_request_duration_seconds_bucket",
    "parlant_authz_decisions_total",
    "parlant_guard_rejections_total",
    "parlant_isolation_violations_total",
    "parlant_db_pool_waiting",
    "parlant_audit_lag_seconds",
    "parlant_webhook_inbox_age_seconds",
    "parlant_dead_letters",
  ])
    expect(text).toMatch(new RegExp(`^${name}[ {]`, "m"));
  const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
  expect([...labels].sort()).toEqual(["kind", "le", "method", "queue", "result", "route", "state", "status"]);
});
