import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../client-sdk/src/webhooks/index.ts";
import { type Received, type Receiver, startReceiver } from "../sdk/webhooks/receiver.ts";
import { readPastTheServer } from "../support/past-the-server.ts";
import { startOutbox } from "./outbox-fixture.ts";

const DAY_MS = 86_400_000;
let outbox: Awaited<ReturnType<typeof startOutbox>>;
let receiver: Receiver;

beforeAll(async () => {
  [outbox, receiver] = await Promise.all([startOutbox(), startReceiver()]);
});
afterAll(async () => {
  await receiver.stop();
  await outbox.stop();
});

const bodyOf = ({ body }: Received) => JSON.parse(body.toString());
const typesOf = (received: readonly Received[]) => received.map((one) => bodyOf(one).type);
const check = ({ body, headers }: Received, secret: string) =>
  verify(body, headers, { secrets: [secret], now: outbox.clock.now() });

describe("a secret", () => {
  test("is told once, lies in no table, and both old and new sign for a day after its rotation", async () => {
    receiver.replies({});
    const { id, client } = await outbox.makeWorkspace();
    const endpoints = client.webhooks.endpoints;
    const options = { idempotencyKey: "one" };
    const made = await endpoints.create({ url: receiver.url }, options);
    expect(await endpoints.create({ url: receiver.url }, options)).toEqual(made);
    expect(await endpoints.get(made.id)).not.toHaveProperty("secret");
    const { secret: fresh } = await endpoints.rotateSecret(made.id);
    expect(fresh).not.toBe(made.secret);
    const tables = ["webhook_endpoint", "idempotency_key", "audit_event", "endpoint_delivery"];
    for (const table of tables) {
      const rows = await readPastTheServer<object>(outbox.database.owner, id, `select t::text from parlant.parlant_${table} t`);
      const text = JSON.stringify(rows);
      for (const secret of [made.secret, fresh]) {
        const bytes = Buffer.from(secret.slice(6), "base64");
        for (const form of [secret.slice(6), bytes.toString("hex")]) expect(text).not.toContain(form);
      }
    }

    await client.agents.create({ name: "A" });
    await outbox.deliver(id);
    outbox.clock.forward(DAY_MS + 1_000);
    await client.agents.create({ name: "B" });
    await outbox.deliver(id);
    const [during, after] = receiver.received as [Received, Received];
    const at = Number(during.headers["webhook-timestamp"]) * 1_000;
    for (const secret of [made.secret, fresh]) {
      expect(await verify(during.body, during.headers, { secrets: [secret], now: at })).toMatchObject({ scheme: "standard" });
    }
    await check(after, fresh);
    await expect(check(after, made.secret)).rejects.toThrow("wrong");
  });
});

describe("endpoints", () => {
  test("are the admins' alone", async () => {
    const { client, writersClient } = await outbox.makeWorkspace();
    const { id } = await client.webhooks.endpoints.create({ url: receiver.url });
    const { endpoints } = writersClient.webhooks;
    const attempts = [
      () => endpoints.list(),
      () => endpoints.get(id),
      () => endpoints.create({ url: receiver.url }),
      () => endpoints.update(id, { isEnabled: false }),
      () => endpoints.delete(id),
      () => endpoints.rotateSecret(id),
      () => endpoints.test(id),
      () => endpoints.deliveries(id),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: "FORBIDDEN" });
    const { endpoints: elsewhere } = (await outbox.makeWorkspace()).client.webhooks;
    for (const attempt of [() => elsewhere.get(id), () => elsewhere.delete(id), () => elsewhere.test(id)]) {
      await expect(attempt()).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    expect((await client.webhooks.endpoints.list()).data.map((one) => one.id)).toEqual([id]);
  });

  test("must be on public https, and twenty are enough", async () => {
    const { client } = await outbox.makeWorkspace();
    for (const url of ["http://example.com/", "https://10.0.0.1/", "https://169.254.169.254/", "nowhere"]) {
      await expect(client.webhooks.endpoints.create({ url })).rejects.toMatchObject({ code: "BAD_REQUEST" });
    }
    for (let count = 0; count < 20; count += 1) await client.webhooks.endpoints.create({ url: "https://example.com/" });
    await expect(client.webhooks.endpoints.create({ url: "https://example.com/" })).rejects.toMatchObject({
      details: { code: "ENDPOINT_LIMIT" },
    });
    const first = await client.webhooks.endpoints.list({ limit: 15, sortOrder: "asc" });
    const rest = await client.webhooks.endpoints.list({ limit: 15, sortOrder: "asc", cursor: first.nextCursor ?? "" });
    expect(new Set([...first.data, ...rest.data].map(({ id }) => id)).size).toBe(20);
  });

  test("are twenty at most, however many come at once", async () => {
    const { client } = await outbox.makeWorkspace();
    const made = await Promise.allSettled(
      Array.from({ length: 26 }, () => client.webhooks.endpoints.create({ url: "https://example.com/" })),
    );
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(20);
    expect((await client.webhooks.endpoints.list({ limit: 100 })).data).toHaveLength(20);
  });

  test("can be tested, and a delivery sent once more under its webhook-id", async () => {
    receiver.replies({});
    const { id, client } = await outbox.makeWorkspace();
    const { endpoints } = client.webhooks;
    const endpoint = await endpoints.create({ url: receiver.url, eventTypes: ["security.*"] });
    const { deliveryId } = await endpoints.test(endpoint.id);
    await outbox.deliver(id);
    await endpoints.redeliver(endpoint.id, deliveryId);
    await outbox.deliver(id);
    expect(typesOf(receiver.received)).toEqual(["endpoint.test", "endpoint.test"]);
    expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    const [delivery] = (await endpoints.deliveries(endpoint.id, { status: "delivered" })).data;
    expect(delivery).toMatchObject({ id: deliveryId, attempts: [{ number: 1 }, { number: 2 }] });
    const other = await endpoints.create({ url: receiver.url });
    await expect(endpoints.redeliver(other.id, deliveryId)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("that are deleted get nothing more, and take their log along", async () => {
    receiver.replies({});
    const { id, client } = await outbox.makeWorkspace();
    const { id: endpointId } = await client.webhooks.endpoints.create({ url: receiver.url });
    await client.agents.create({ name: "Scout" });
    const [queued] = await outbox.queued(id);
    await client.webhooks.endpoints.delete(endpointId);
    await client.agents.create({ name: "Ranger" });
    await outbox.deliver(id, [queued?.deliveryId ?? ""]);
    expect(receiver.received).toEqual([]);
    expect(await outbox.open(id).endpointDelivery.count({})).toBe(0);
  });

  test("get an event by the server's own jobs", async () => {
    const { id, client } = await outbox.makeWorkspace();
    const arrived = Promise.withResolvers<void>();
    receiver.replies({});
    const endpoint = await client.webhooks.endpoints.create({ url: receiver.url });
    await outbox.dependencies.jobs.start([]);
    await client.agents.create({ name: "Scout" });
    const poll = setInterval(() => receiver.received.some((one) => bodyOf(one).data.workspaceId === id) && arrived.resolve(), 20);
    await arrived.promise.finally(() => clearInterval(poll));
    await expect
      .poll(async () => (await client.webhooks.endpoints.deliveries(endpoint.id)).data.map(({ status }) => status), {
        timeout: 10_000,
      })
      .toEqual(["delivered"]);
  });
});

describe("deliveries", () => {
  test("whose endpoint is deleted while they are under way are gone for good, and neither the deletion nor what made the events fails", async () => {
    receiver.replies({ status: 500 });
    const { id, client } = await outbox.makeWorkspace();
    for (let round = 0; round < 8; round += 1) {
      const endpoint = await client.webhooks.endpoints.create({ url: receiver.url });
      await client.agents.create({ name: `First ${round}` });
      const settled = await Promise.allSettled([
        outbox.deliver(id),
        client.agents.create({ name: `Second ${round}` }),
        client.webhooks.endpoints.delete(endpoint.id),
        client.agents.create({ name: `Third ${round}` }),
      ]);
      expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "fulfilled"]);
    }
    expect(await outbox.open(id).endpointDelivery.count({})).toBe(0);
  });

  test("are removed from the log after thirty days", async () => {
    receiver.replies({});
    const { id, client } = await outbox.makeWorkspace();
    const { id: endpointId } = await client.webhooks.endpoints.create({ url: receiver.url });
    const { deliveryId } = await client.webhooks.endpoints.test(endpointId);
    await outbox.deliver(id);
    const idsOf = async () => (await client.webhooks.endpoints.deliveries(endpointId)).data.map((one) => one.id);
    outbox.clock.forward(29 * DAY_MS);
    const { deliveryId: second } = await client.webhooks.endpoints.test(endpointId);
    await outbox.deliver(id);
    expect(await idsOf()).toEqual([second, deliveryId]);
    outbox.clock.forward(2 * DAY_MS);
    const { deliveryId: third } = await client.webhooks.endpoints.test(endpointId);
    await outbox.deliver(id);
    expect(await idsOf()).toEqual([third, second]);
  });
});
