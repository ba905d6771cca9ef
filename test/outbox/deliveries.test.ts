import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../client-sdk/src/webhooks/index.ts";
import { type Received, type Receiver, startReceiver } from "../sdk/webhooks/receiver.ts";
import { readTrail } from "../support/audit-trail.ts";
import { callerWith } from "../support/services.ts";
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

describe("an event of the workspace", () => {
  test("is sent, signed, with ids and the type and no text, and the log of deliveries shows it", async () => {
    receiver.replies({ status: 200, body: "thanks" });
    const { id, client, admin } = await outbox.makeWorkspace();
    const endpoint = await client.webhooks.endpoints.create({ url: `${receiver.url}/hook` });
    expect(endpoint.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const agent = await client.agents.create({ name: "Canary name", systemPrompt: "canary prompt", description: "canary text" });
    await client.agents.grants.set(agent.id, admin.id, { level: "view" });
    await outbox.deliver(id);

    expect(typesOf(receiver.received)).toEqual(["agent.created", "grant.set"]);
    const [created] = receiver.received as [Received];
    expect(created.path).toBe("/hook");
    expect(created.body.toString()).not.toMatch(/canary/i);
    const [event] = (await client.audit.list({ action: "agent.create" })).data;
    expect(bodyOf(created)).toEqual({
      type: "agent.created",
      timestamp: event?.occurredAt.toISOString(),
      data: {
        id: event?.id,
        workspaceId: id,
        target: { kind: "agent", id: agent.id },
        actor: { kind: "personal_api_key", id: expect.any(String) },
      },
    });
    expect(await check(created, endpoint.secret)).toMatchObject({ scheme: "standard", id: event?.id });
    const deliveries = await client.webhooks.endpoints.deliveries(endpoint.id);
    expect(deliveries.data.map(({ eventType, status }) => [eventType, status])).toEqual([
      ["grant.set", "delivered"],
      ["agent.created", "delivered"],
    ]);
    expect(deliveries.data[1]?.attempts).toEqual([
      { number: 1, statusCode: 200, error: null, attemptedAt: expect.any(Date), durationMs: expect.any(Number) },
    ]);
    // The control: with another secret it does not verify.
    await expect(check(created, `whsec_${btoa("x".repeat(32))}`)).rejects.toThrow("wrong");
  });

  test("is told to that workspace's endpoints alone, and to those that subscribe to it", async () => {
    receiver.replies({});
    const [mine, other] = await Promise.all([outbox.makeWorkspace(), outbox.makeWorkspace()]);
    await mine.client.webhooks.endpoints.create({ url: `${receiver.url}/mine`, eventTypes: ["agent.created", "grant.*"] });
    await other.client.webhooks.endpoints.create({ url: `${receiver.url}/other` });
    const agent = await mine.client.agents.create({ name: "Scout" });
    await mine.client.agents.update(agent.id, { temperature: 0.1 });
    await Promise.all([outbox.deliver(mine.id), outbox.deliver(other.id)]);
    expect(receiver.received.map(({ path }) => path)).toEqual(["/mine"]);
    expect(typesOf(receiver.received)).toEqual(["agent.created"]);
  });

  test("of a workspace that was archived meanwhile is not sent, and can be once it is restored", async () => {
    receiver.replies({});
    const { id, client } = await outbox.makeWorkspace();
    const endpoint = await client.webhooks.endpoints.create({ url: receiver.url });
    await client.agents.create({ name: "Scout" });
    const setArchived = (archivedAt: Date | null) => outbox.open(id).workspaceState.updateMany({ data: { archivedAt } });
    await setArchived(new Date(outbox.clock.now()));
    await outbox.deliver(id);
    expect(receiver.received).toEqual([]);
    const [given] = (await client.webhooks.endpoints.deliveries(endpoint.id)).data;
    expect(given).toMatchObject({ eventType: "agent.created", status: "failed", attempts: [] });
    await setArchived(null);
    await client.webhooks.endpoints.redeliver(endpoint.id, given?.id ?? "");
    await outbox.deliver(id);
    expect(typesOf(receiver.received)).toEqual(["agent.created"]);
  });

  test("that did not commit is told to nobody", async () => {
    receiver.replies({});
    const { id, client } = await outbox.makeWorkspace();
    await client.webhooks.endpoints.create({ url: receiver.url });
    await client.agents.create({ name: "Scout" });
    await expect(client.agents.create({ name: "scout" })).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await outbox.queued(id)).toHaveLength(1);
    await outbox.deliver(id);
    expect(receiver.received).toHaveLength(1);
  });

  test("that was refused is told to nobody, though the trail has it under the same action", async () => {
    receiver.replies({});
    const [mine, stranger] = await Promise.all([outbox.makeWorkspace(), outbox.makeWorkspace()]);
    await mine.client.webhooks.endpoints.create({ url: receiver.url });
    const { headers } = stranger.admin;
    const calls = callerWith(outbox.dependencies, headers).workspaces.agents;
    await expect(calls.create({ workspaceId: mine.id, name: "Intruder" })).rejects.toThrow("Workspace not found");
    await outbox.dependencies.services.audit.trail.flush();
    const denials = (await readTrail(outbox.database, mine.id)).filter(({ outcome }) => outcome === "denied");
    expect(denials.map(({ action }) => action)).toEqual(["agent.create"]);
    expect(await outbox.queued(mine.id)).toEqual([]);
    // The control: what is done is told.
    await mine.client.agents.create({ name: "Scout" });
    expect(await outbox.queued(mine.id)).toHaveLength(1);
  });

  test("of security is told as well, once, whatever is flushed again", async () => {
    receiver.replies({});
    const { id, client } = await outbox.makeWorkspace();
    await client.webhooks.endpoints.create({ url: receiver.url, eventTypes: ["security.*"] });
    const { trail } = outbox.dependencies.services.audit;
    const target = { kind: "workspace", id };
    const event = {
      workspaceId: id,
      reasonCode: "X",
      rule: null,
      actorKind: "session",
      actorId: "u",
      onBehalfOf: null,
      method: null,
    };
    trail.add({ ...event, action: "security.repeated_denials", target, ipAddress: null, requestId: null });
    trail.add({ ...event, action: "agent.get", target, ipAddress: null, requestId: null });
    await trail.flush();
    await outbox.deliver(id);
    expect(typesOf(receiver.received)).toEqual(["security.repeated_denials"]);
    expect(
      (await readTrail(outbox.database, id)).filter(
        ({ action }) => action === "security.repeated_denials" || action === "agent.get",
      ),
    ).toHaveLength(2);
  });
});

type Queued = Awaited<ReturnType<typeof outbox.queued>>[number];

describe("a try that fails", () => {
  test("is made again after the schedule's delay, under the same webhook-id and signed anew", async () => {
    receiver.replies({ status: 500, body: "a stack trace" }, { status: 204 });
    const { id, client } = await outbox.makeWorkspace();
    const { id: endpointId, secret } = await client.webhooks.endpoints.create({ url: receiver.url });
    await client.agents.create({ name: "Scout" });
    await outbox.deliver(id);
    expect((await outbox.queued(id)).map(({ inSeconds }) => inSeconds)).toEqual([0, 5]);
    outbox.clock.forward(5_000);
    await outbox.deliver(id);
    const [first, second] = receiver.received as [Received, Received];
    expect(second.headers["webhook-id"]).toBe(first.headers["webhook-id"]);
    expect(second.headers["webhook-timestamp"]).not.toBe(first.headers["webhook-timestamp"]);
    await check(second, secret);
    const [delivery] = (await client.webhooks.endpoints.deliveries(endpointId)).data;
    expect(delivery).toMatchObject({ status: "delivered", nextAttemptAt: null });
    expect(delivery?.attempts.map(({ statusCode }) => statusCode)).toEqual([500, 204]);
    expect(JSON.stringify(delivery)).not.toContain("stack trace");
    // A job that is made again after its delivery is done sends nothing.
    await outbox.deliver(id, [delivery?.id ?? ""]);
    expect(receiver.received).toHaveLength(2);
  });

  test("is made once, whatever job is run again: after a crash, after its time, beside one that an admin asked for", async () => {
    receiver.replies({ status: 500 });
    const { id, client } = await outbox.makeWorkspace();
    const { id: endpointId } = await client.webhooks.endpoints.create({ url: receiver.url });
    await client.agents.create({ name: "Scout" });
    const [first] = (await outbox.queued(id)) as [Queued];
    await outbox.run(id, first);
    await outbox.run(id, first);
    expect(receiver.received).toHaveLength(1);
    await client.webhooks.endpoints.redeliver(endpointId, first.deliveryId);
    const again = await outbox.queued(id);
    expect(again.map(({ attempts }) => attempts).toSorted()).toEqual([0, 1, 1]);
    for (const job of again) await outbox.run(id, job);
    expect(receiver.received).toHaveLength(2);
    // The control: a job that does not say which try it is of sends it anew.
    await outbox.deliver(id, [first.deliveryId]);
    expect(receiver.received).toHaveLength(3);
  });

  test("is a redirect, too, and is given up after the last try of the schedule", async () => {
    receiver.replies({ status: 307, headers: { location: receiver.url } });
    const { id, client } = await outbox.makeWorkspace();
    const { id: endpointId } = await client.webhooks.endpoints.create({ url: receiver.url });
    await client.agents.create({ name: "Scout" });
    for (let round = 0; round < 12; round += 1) {
      outbox.clock.forward(3_600_000);
      await outbox.deliver(id);
    }
    const [delivery] = (await client.webhooks.endpoints.deliveries(endpointId)).data;
    expect(delivery).toMatchObject({ status: "failed", nextAttemptAt: null });
    expect(delivery?.attempts).toHaveLength(10);
    expect(delivery?.attempts[0]).toMatchObject({ statusCode: 307, error: "A redirect is not followed" });
    expect(receiver.received).toHaveLength(10);
  });

  test("pauses its endpoint once it happens again and again, and other deliveries wait without a try", async () => {
    receiver.replies({ status: 500 });
    const { id, client } = await outbox.makeWorkspace();
    const { id: endpointId } = await client.webhooks.endpoints.create({ url: receiver.url });
    for (const name of ["A", "B", "C", "D"]) await client.agents.create({ name });
    await outbox.deliver(id);
    expect(receiver.received).toHaveLength(3);
    const [waiting] = (await client.webhooks.endpoints.deliveries(endpointId)).data;
    expect(waiting).toMatchObject({ status: "pending", attempts: [] });
    receiver.replies({});
    outbox.clock.forward(16_000);
    await outbox.deliver(id);
    expect(receiver.received).toHaveLength(4);
    expect(await client.webhooks.endpoints.get(endpointId)).toMatchObject({ failingSince: null });
  });

  test("need not be waited for where an admin has the delivery sent once more", async () => {
    receiver.replies({ status: 500 });
    const { id, client } = await outbox.makeWorkspace();
    const { endpoints } = client.webhooks;
    const { id: endpointId } = await endpoints.create({ url: receiver.url });
    for (const name of ["A", "B", "C", "D"]) await client.agents.create({ name });
    await outbox.deliver(id);
    receiver.replies({});
    const [waiting] = (await endpoints.deliveries(endpointId)).data;
    await endpoints.redeliver(endpointId, waiting?.id ?? "");
    expect((await outbox.queued(id)).at(-1)).toEqual({ attempts: 0, deliveryId: waiting?.id, inSeconds: 0 });
    await outbox.deliver(id, [waiting?.id ?? ""]);
    expect(receiver.received).toHaveLength(1);
  });
});

describe("an endpoint is disabled", () => {
  test("at once where it answers 410, with an event in the audit trail", async () => {
    receiver.replies({ status: 410 });
    const { id, client } = await outbox.makeWorkspace();
    const { id: endpointId } = await client.webhooks.endpoints.create({ url: receiver.url });
    await client.agents.create({ name: "Scout" });
    await outbox.deliver(id);
    expect(await client.webhooks.endpoints.get(endpointId)).toMatchObject({ isEnabled: false, disabledReason: "gone" });
    expect((await client.audit.list({ action: "endpoint.disable" })).data).toMatchObject([
      { reasonCode: "ENDPOINT_GONE", actor: { kind: "system", id: "webhooks" }, target: { kind: "endpoint", id: endpointId } },
    ]);
    await client.agents.create({ name: "Ranger" });
    await expect(client.webhooks.endpoints.test(endpointId)).rejects.toMatchObject({ code: "CONFLICT" });
    await outbox.deliver(id);
    expect(receiver.received).toHaveLength(1);
  });

  test("after five days of nothing but failures, and not before; enabling it forgets them", async () => {
    receiver.replies({ status: 500 });
    const { id, client } = await outbox.makeWorkspace();
    const { id: endpointId } = await client.webhooks.endpoints.create({ url: receiver.url });
    const failOnce = async (name: string) => {
      await client.agents.create({ name });
      await outbox.deliver(id);
      return client.webhooks.endpoints.get(endpointId);
    };
    await failOnce("A");
    outbox.clock.forward(5 * DAY_MS - 60_000);
    expect(await failOnce("B")).toMatchObject({ isEnabled: true });
    outbox.clock.forward(120_000);
    expect(await failOnce("C")).toMatchObject({ isEnabled: false, disabledReason: "failing" });
    expect((await client.audit.list({ action: "endpoint.disable" })).data).toMatchObject([{ reasonCode: "ENDPOINT_FAILING" }]);
    const enabled = await client.webhooks.endpoints.update(endpointId, { isEnabled: true });
    expect(enabled).toMatchObject({ isEnabled: true, disabledReason: null, failingSince: null });
    expect(await failOnce("D")).toMatchObject({ isEnabled: true });
  });
});
