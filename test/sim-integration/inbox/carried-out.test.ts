import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sign } from "../../../client-sdk/src/webhooks/index.ts";
import { createLogger } from "../../../server/shared/logger.ts";
import { forgetDeliveries } from "../../../server/sim-integration/inbox/forget-deliveries.ts";
import { makeUser, makeWorkspace } from "../../support/database.ts";
import { internalHeaders } from "../../support/internal.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callerWith } from "../../support/services.ts";

const SECRET = "webhook-secret-of-the-tests-0123456789abcd";
const EVENTS = "/api/v1/sim-integration/webhooks/workspace-events";

let server: TestServer;
let ownerId: string;
beforeAll(async () => {
  server = await startTestServer({ WEBHOOK_RETRY_ATTEMPTS: "0" });
  ownerId = (await makeUser(server.database.owner)).id;
});
afterAll(() => server?.stop());

const newWorkspace = async () => (await makeWorkspace(server.database.owner, { ownerId })).id;

function eventOf(workspaceId: string, more: object = {}): string {
  return JSON.stringify({
    event_type: "workspace_created",
    workspace_id: workspaceId,
    triggered_by: ownerId,
    timestamp: "2026-11-24T12:00:00Z",
    data: {},
    ...more,
  });
}

interface Sent {
  status: number;
  body: Record<string, unknown>;
  headers: Headers;
}

async function post(path: string, body: string, headers: Record<string, string>): Promise<Sent> {
  const answer = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  return { status: answer.status, body: (await answer.json()) as Sent["body"], headers: answer.headers };
}

async function send(body: string, options: { id?: string; path?: string; secret?: string } = {}): Promise<Sent> {
  const { id = randomUUID(), path = EVENTS, secret = SECRET } = options;
  return post(path, body, await sign(body, { secrets: [secret], id, now: Date.now() }));
}

interface Row {
  id: string;
  status: string;
  attempts: number;
  last_error: string | null;
}

async function deliveries(workspaceId: string): Promise<Row[]> {
  const { owner } = server.database;
  await owner.query("BEGIN");
  await owner.query("SELECT parlant.parlant_enter_system($1, 'test')", [workspaceId]);
  const { rows } = await owner.query<Row>(
    "SELECT id, status::text, attempts, last_error FROM parlant.parlant_webhook_delivery ORDER BY received_at, id",
  );
  await owner.query("COMMIT");
  return rows;
}

async function jobs(workspaceId: string): Promise<number> {
  const { rows } = await server.database.owner.query<{ jobs: number }>(
    "SELECT count(*)::integer AS jobs FROM parlant.job WHERE name = 'webhook' AND data ->> 'workspaceId' = $1",
    [workspaceId],
  );
  return rows[0]?.jobs ?? 0;
}

describe("carried out", () => {
  beforeAll(() => server.dependencies.jobs.start([]));

  const settled = (workspaceId: string) =>
    expect.poll(async () => (await deliveries(workspaceId)).map(({ status }) => status), { timeout: 20_000 });

  test("a delivery has its effect once, whatever is sent again, also under another id", async () => {
    const workspaceId = await newWorkspace();
    const id = randomUUID();
    await send(eventOf(workspaceId), { id });
    await settled(workspaceId).toEqual(["done"]);
    expect((await send(eventOf(workspaceId), { id })).body).toMatchObject({ duplicate: true });
    await send(eventOf(workspaceId));
    await settled(workspaceId).toEqual(["done", "done"]);
    const { owner } = server.database;
    await owner.query("BEGIN");
    await owner.query("SELECT parlant.parlant_enter_system($1, 'test')", [workspaceId]);
    const { rows } = await owner.query("SELECT action FROM parlant.parlant_audit_event");
    await owner.query("COMMIT");
    expect(rows).toEqual([{ action: "workspace.create" }]);
    expect(await jobs(workspaceId)).toBe(2);
  });

  test("one that fails for good is kept as dead with the reason, is done when it is sent again, or replayed", async () => {
    const workspaceId = await newWorkspace();
    const [one, other] = [randomUUID(), randomUUID()];
    const { owner } = server.database;
    await owner.query(
      `CREATE FUNCTION parlant.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
         IF NEW.workspace_id = '${workspaceId}' THEN RAISE EXCEPTION 'It cannot be kept'; END IF; RETURN NEW; END$$;
       CREATE TRIGGER refuse BEFORE INSERT ON parlant.parlant_workspace_state FOR EACH ROW EXECUTE FUNCTION parlant.refuse();
       GRANT EXECUTE ON FUNCTION parlant.refuse() TO PUBLIC`,
    );
    await send(eventOf(workspaceId), { id: one });
    await send(eventOf(workspaceId, { event_type: "workspace_updated" }), { id: other });
    await settled(workspaceId).toEqual(["dead", "dead"]);
    expect((await deliveries(workspaceId))[0]?.last_error).toContain("It cannot be kept");
    await owner.query("DROP TRIGGER refuse ON parlant.parlant_workspace_state; DROP FUNCTION parlant.refuse()");
    expect((await send(eventOf(workspaceId), { id: one })).body).toMatchObject({ duplicate: true });
    await settled(workspaceId).toEqual(["done", "dead"]);
    const sim = callerWith(server.dependencies, await internalHeaders());
    expect(await sim.simIntegration.webhooks.replay({ workspaceId })).toEqual({ replayed: 1 });
    await settled(workspaceId).toEqual(["done", "done"]);
    expect(await sim.simIntegration.webhooks.replay({ workspaceId })).toEqual({ replayed: 0 });
  });

  test("deliveries that were carried out more than 30 days ago are forgotten, and no others", async () => {
    const workspaceId = await newWorkspace();
    const [old, recent] = [randomUUID(), randomUUID()];
    await send(eventOf(workspaceId), { id: old });
    await send(eventOf(workspaceId), { id: recent });
    await settled(workspaceId).toEqual(["done", "done"]);
    const { owner } = server.database;
    await owner.query("BEGIN");
    await owner.query("SELECT parlant.parlant_enter_system($1, 'test')", [workspaceId]);
    await owner.query("UPDATE parlant.parlant_webhook_delivery SET processed_at = now() - interval '31 days' WHERE id = $1", [
      old,
    ]);
    await owner.query("COMMIT");
    const sweep = server.dependencies.sweeps.find(({ name }) => name === "forget-deliveries");
    await sweep?.run(new AbortController().signal);
    expect((await deliveries(workspaceId)).map(({ id }) => id)).toEqual([recent]);
  });

  test("what cannot be forgotten in one workspace holds up no other, however many statements it takes", async () => {
    const [stuck, other] = [await newWorkspace(), await newWorkspace()].toSorted() as [string, string];
    const { owner } = server.database;
    for (const workspaceId of [stuck, other]) {
      await owner.query("BEGIN");
      await owner.query("SELECT parlant.parlant_enter_system($1, 'test')", [workspaceId]);
      await owner.query(
        `INSERT INTO parlant.parlant_webhook_delivery (workspace_id, id, kind, body, body_sha256, status, received_at, processed_at)
         SELECT $1, n::text, 'workspace_event', '\\x00', sha256('\\x00'), 'done', now() - interval '31 d', now() - interval '31 d'
         FROM generate_series(1, 5) n`,
        [workspaceId],
      );
      await owner.query("COMMIT");
    }
    const { database, services } = server.dependencies;
    const openWorkspace: typeof database.openWorkspace = (binding) => {
      if (binding.workspaceId === stuck) throw new Error("canceling statement due to statement timeout");
      return database.openWorkspace(binding);
    };
    const log = createLogger("silent");
    const options = { sim: database.sim, openWorkspace, clock: services.sync.lifecycle.clock, log, batchSize: 2 };
    await forgetDeliveries(options).run(new AbortController().signal);
    expect([(await deliveries(stuck)).length, (await deliveries(other)).length]).toEqual([5, 0]);
  });
});
