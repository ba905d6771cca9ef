import { createHmac, hash, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../../client-sdk/src/index.ts";
import { sign } from "../../../client-sdk/src/webhooks/index.ts";
import { sendRaw } from "../../http/send-raw.ts";
import { makeUser, makeWorkspace } from "../../support/database.ts";
import { internalHeaders } from "../../support/internal.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { callerWith } from "../../support/services.ts";

const SECRET = "webhook-secret-of-the-tests-0123456789abcd";
const EVENTS = "/api/v1/sim-integration/webhooks/workspace-events";
const PERMISSIONS = "/api/v1/sim-integration/webhooks/permission-updates";

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

describe("before anything is taken from the queue", () => {
  test("a signed event is stored with its job and accepted", async () => {
    const workspaceId = await newWorkspace();
    const id = randomUUID();
    const { status, body } = await send(eventOf(workspaceId), { id });
    expect({ status, body }).toEqual({ status: 202, body: { status: "accepted", deliveryId: id, duplicate: false } });
    expect(await deliveries(workspaceId)).toMatchObject([{ id, status: "pending", attempts: 0 }]);
    expect(await jobs(workspaceId)).toBe(1);
  });

  test("the same delivery again is a duplicate, however many come at once, and has one job", async () => {
    const workspaceId = await newWorkspace();
    const id = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(eventOf(workspaceId), { id })));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 202));
    expect(answers.filter(({ body }) => body["duplicate"] === false)).toHaveLength(1);
    expect(await jobs(workspaceId)).toBe(1);
  });

  test("the same id with another body is a conflict, and leaves the first as it is", async () => {
    const workspaceId = await newWorkspace();
    const id = randomUUID();
    await send(eventOf(workspaceId), { id });
    const { status, body } = await send(eventOf(workspaceId, { event_type: "workspace_deleted" }), { id });
    expect({ status, code: (body["error"] as { code: string }).code }).toEqual({ status: 409, code: "CONFLICT" });
    expect(await deliveries(workspaceId)).toHaveLength(1);
    expect(await jobs(workspaceId)).toBe(1);
  });

  test("an id is its workspace's: the same one about another workspace is another delivery", async () => {
    const [one, other] = [await newWorkspace(), await newWorkspace()];
    const id = randomUUID();
    for (const workspaceId of [one, other]) {
      expect((await send(eventOf(workspaceId), { id })).body).toMatchObject({ duplicate: false });
    }
    expect([await jobs(one), await jobs(other)]).toEqual([1, 1]);
  });

  test("without an id it is the body's hash, so that the same body is the same delivery", async () => {
    const workspaceId = await newWorkspace();
    const body = eventOf(workspaceId);
    const seconds = Math.floor(Date.now() / 1_000);
    const v1 = createHmac("sha256", SECRET).update(`${seconds}.${body}`).digest("hex");
    const headers = { "x-sim-signature": `t=${seconds},v1=${v1}` };
    const deliveryId = hash("sha256", body, "hex");
    expect((await post(EVENTS, body, headers)).body).toEqual({ status: "accepted", deliveryId, duplicate: false });
    expect((await post(EVENTS, body, headers)).body).toMatchObject({ deliveryId, duplicate: true });
    expect((await post(EVENTS, body, { ...headers, "idempotency-key": "k-1" })).body).toMatchObject({ deliveryId: "k-1" });
  });

  test("a forged, stale or unsigned one is refused and nothing of it is stored", async () => {
    const workspaceId = await newWorkspace();
    const body = eventOf(workspaceId);
    const good = await sign(body, { secrets: [SECRET], id: "d-1", now: Date.now() });
    const refused = [
      await send(body, { secret: "another-secret-of-the-tests-0123456789" }),
      await post(EVENTS, body, {}),
      await post(EVENTS, body, await sign(body, { secrets: [SECRET], id: "d-1", now: Date.now() - 301_000 })),
      await post(EVENTS, `${body} `, good),
      await post(EVENTS, eventOf(workspaceId, { event_type: "workspace_deleted" }), good),
      await post(EVENTS, body, { ...good, "webhook-id": "d-2" }),
    ];
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 401));
    expect(await deliveries(workspaceId)).toEqual([]);
    expect(await jobs(workspaceId)).toBe(0);
  });

  test("control: what was refused is accepted with the signature that it lacked", async () => {
    const workspaceId = await newWorkspace();
    expect((await send(eventOf(workspaceId))).status).toBe(202);
    expect(await deliveries(workspaceId)).toHaveLength(1);
  });

  test("signed bodies that are no event are 400, told why, and have no effect", async () => {
    const workspaceId = await newWorkspace();
    for (const body of [
      "{",
      "",
      "null",
      eventOf(workspaceId, { event_type: "workspace_exploded" }),
      eventOf(workspaceId, { timestamp: "yesterday" }),
      `{"__proto__":{"workspace_id":"${workspaceId}"}}`,
    ]) {
      const { status, body: answer } = await send(body);
      expect([body, status, (answer["error"] as { code: string }).code]).toEqual([body, 400, "BAD_REQUEST"]);
    }
    expect(await deliveries(workspaceId)).toEqual([]);
    expect((await send(eventOf(workspaceId, { novel: 1, data: { novel: true } }))).status).toBe(202);
  });

  test("a signed body that is no UTF-8 is 400, and names no workspace by what it is not", async () => {
    const [head, tail] = eventOf("@").split("@");
    const body = Buffer.concat([Buffer.from(head ?? ""), Buffer.from([0xff]), Buffer.from(tail ?? "")]);
    const headers = await sign(body, { secrets: [SECRET], id: "no-utf8", now: Date.now() });
    const sent = { method: "POST", headers: { "content-type": "application/json", ...headers }, body };
    expect((await fetch(`${server.url}${EVENTS}`, sent)).status).toBe(400);
    expect(await deliveries("\ufffd")).toEqual([]);
  });

  test("a body of more than 256 KiB is 413, of another type 415", async () => {
    const workspaceId = await newWorkspace();
    const tooLarge = eventOf(workspaceId, { data: { padding: "x".repeat(256 * 1_024) } });
    expect((await send(tooLarge)).status).toBe(413);
    const body = eventOf(workspaceId);
    const headers = await sign(body, { secrets: [SECRET], id: "d", now: Date.now() });
    expect((await post(EVENTS, body, { ...headers, "content-type": "text/plain" })).status).toBe(415);
    expect(await deliveries(workspaceId)).toEqual([]);
  });

  test("a workspace that Sim does not have is accepted: the database is the truth, the event a hint", async () => {
    const workspaceId = randomUUID();
    expect((await send(eventOf(workspaceId))).status).toBe(202);
    expect(await deliveries(workspaceId)).toHaveLength(1);
  });

  test("the signature is over the bytes, so that any spelling of the JSON passes", async () => {
    const workspaceId = await newWorkspace();
    const body = ` ${eventOf(workspaceId).replace('"data"', '"d\\u0061ta"').replace("{}", "{ }")}\n`;
    expect((await send(body)).status).toBe(202);
  });

  test("with the database away it is 503 with Retry-After, and is stored when it is sent again", async () => {
    const workspaceId = await newWorkspace();
    const id = randomUUID();
    const { owner } = server.database;
    await owner.query("BEGIN; LOCK TABLE parlant.parlant_webhook_delivery IN ACCESS EXCLUSIVE MODE");
    const away = await send(eventOf(workspaceId), { id });
    await owner.query("ROLLBACK");
    expect({ status: away.status, retryAfter: away.headers.get("retry-after") }).toEqual({ status: 503, retryAfter: "1" });
    expect((await send(eventOf(workspaceId), { id })).body).toMatchObject({ duplicate: false });
  });

  test("a permission's change drops what is remembered of it", async () => {
    const { services } = server.dependencies;
    const heard: unknown[] = [];
    const leave = services.hints.subscribe((hint) => heard.push(hint));
    const workspaceId = await newWorkspace();
    const body = JSON.stringify({
      workspace_id: workspaceId,
      user_id: ownerId,
      new_permission: null,
      updated_by: "someone",
      timestamp: "2026-11-24T12:00:00Z",
    });
    expect((await send(body, { path: PERMISSIONS })).status).toBe(202);
    leave();
    expect(heard).toContainEqual(expect.objectContaining({ kind: "permissions", workspaceId, userId: ownerId }));
  });

  test("Sim's backend tells the same by a call, and nobody else may", async () => {
    const workspaceId = await newWorkspace();
    const event = JSON.parse(eventOf(workspaceId));
    const { integration } = createClient({ baseUrl: server.url, headers: await internalHeaders() });
    expect(await integration.webhooks.workspaceEvents(event, { deliveryId: "call-1" })).toEqual({
      status: "accepted",
      deliveryId: "call-1",
      duplicate: false,
    });
    expect(await integration.webhooks.workspaceEvents(event, { deliveryId: "call-1" })).toMatchObject({ duplicate: true });
    const update = { workspace_id: workspaceId, user_id: "someone", new_permission: null, timestamp: "2026-11-20T12:00:00Z" };
    expect(await integration.webhooks.permissionUpdates(update)).toMatchObject({ duplicate: false });
    expect(await integration.webhooks.replay({ workspaceId })).toEqual({ replayed: 0 });
    const before = (await deliveries(workspaceId)).length;
    const sim = callerWith(server.dependencies, await internalHeaders());
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    for (const data of [circle, { large: 2n }, { padding: "x".repeat(300_000) }]) {
      const told = sim.simIntegration.webhooks.workspaceEvents({ event: { ...event, data } as never });
      await expect(told).rejects.toMatchObject({ code: expect.stringMatching(/^(BAD_REQUEST|PAYLOAD_TOO_LARGE)$/) });
    }
    expect((await deliveries(workspaceId)).length).toBe(before);
    const admin = callerWith(server.dependencies, server.workspace.admin.headers);
    await expect(admin.simIntegration.webhooks.workspaceEvents({ event })).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(admin.simIntegration.webhooks.replay({ workspaceId })).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});

test("what is refused is counted by why", async () => {
  const read = async () => {
    const text = await server.dependencies.metrics.metrics();
    const of = (series: string) =>
      Number(
        text
          .split("\n")
          .find((line) => line.startsWith(`${series} `))
          ?.split(" ")[1],
      );
    return ["unauthorized", "invalid", "conflict"].map((kind) => of(`parlant_webhook_refusals_total{kind="${kind}"}`));
  };
  const [unauthorized = 0, invalid = 0, conflict = 0] = await read();
  const workspaceId = await newWorkspace();
  await send(eventOf(workspaceId), { secret: "another-secret-of-the-tests-0123456789" });
  await send("{}");
  await send(eventOf(workspaceId), { id: "taken" });
  await send(eventOf(workspaceId, { data: { more: 1 } }), { id: "taken" });
  expect(await read()).toEqual([unauthorized + 1, invalid + 1, conflict + 1]);
});

test("a body without an end is not waited for longer than it may be long", async () => {
  const head = `POST ${EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 400000\r\n\r\n`;
  const { port } = new URL(server.url);
  expect(await sendRaw(Number(port), head)).toMatchObject({ status: 413 });
});
