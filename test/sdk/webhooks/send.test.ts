import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSender, type SenderOptions, send, type WorkspaceEvent } from "../../../client-sdk/src/webhooks/index.ts";
import { createSenderWith } from "../../../client-sdk/src/webhooks/send.ts";
import { verifySimSignature } from "../../../server/sim-integration/signature.ts";
import { PermissionUpdateBody, WorkspaceEventBody } from "../../../server/sim-integration/sim-event.ts";
import { type Received, type Receiver, startReceiver } from "./receiver.ts";

const SECRET = "a secret of more than 24 bytes";
const NOW = Date.parse("2026-11-24T12:00:00Z");
const EVENT: WorkspaceEvent = { event_type: "workspace_archived", workspace_id: "ws-1", triggered_by: "user-1" };
const ACCEPTED = { body: { status: "accepted", deliveryId: "d-1", duplicate: false } };

let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.stop());

/** A sender whose clock goes on by what it waits, and by nothing else. */
function makeSender(options: Partial<SenderOptions> = {}) {
  const waits: number[] = [];
  let now = NOW;
  const ports = {
    now: () => now,
    random: () => 0.5,
    wait: async (milliseconds: number) => {
      waits.push(milliseconds);
      now += milliseconds;
    },
  };
  return { waits, ...createSenderWith(ports, { baseUrl: receiver.url, secret: SECRET, ...options }) };
}

const verified = ({ body, headers }: Received, nowMs = NOW) =>
  verifySimSignature(body, headers, { secrets: [SECRET], allowLegacy: false, nowMs });

test("an event arrives at the route for it, signed, and as the server reads it", async () => {
  receiver.replies(ACCEPTED);
  await expect(makeSender({ baseUrl: `${receiver.url}/parlant/` }).send(EVENT, { id: "msg_1" })).resolves.toEqual({
    deliveryId: "d-1",
    duplicate: false,
  });
  const [received] = receiver.received as [Received];
  expect(received.path).toBe("/parlant/api/v1/sim-integration/webhooks/workspace-events");
  expect(received.headers["content-type"]).toBe("application/json");
  expect(await verified(received)).toEqual({ scheme: "standard", deliveryIdHint: "msg_1" });
  const body = JSON.parse(received.body.toString());
  expect(body).toEqual({ ...EVENT, timestamp: new Date(NOW).toISOString() });
  expect(WorkspaceEventBody.parse(body)).toMatchObject(EVENT);
});

test("a permission update goes to its own route, and a given time stays", async () => {
  receiver.replies(ACCEPTED);
  const update = { workspace_id: "ws-1", user_id: "user-2", old_permission: "write", new_permission: null } as const;
  await makeSender().send({ ...update, updated_by: "user-1", timestamp: "2026-01-01T00:00:00Z" });
  const [received] = receiver.received as [Received];
  expect(received.path).toBe("/api/v1/sim-integration/webhooks/permission-updates");
  expect(PermissionUpdateBody.parse(JSON.parse(received.body.toString()))).toMatchObject({
    ...update,
    timestamp: "2026-01-01T00:00:00Z",
  });
});

describe("tries", () => {
  test("after 5xx, 429 and a lost connection have one id and one body, and each its own time of signing", async () => {
    receiver.replies({ status: 503 }, { failure: "drop" }, { status: 429, headers: { "retry-after": "7" } }, ACCEPTED);
    const sender = makeSender();
    await sender.send(EVENT);
    expect(sender.waits).toEqual([125, 250, 7_000]);
    expect(receiver.received).toHaveLength(4);
    const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids).size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body.toString())).size).toBe(1);
    const times = receiver.received.map(({ headers }) => headers["webhook-timestamp"]);
    expect(times.at(-1)).toBe(String(Math.floor((NOW + 7_375) / 1_000)));
    for (const received of receiver.received)
      expect(await verified(received, NOW + 7_375)).toMatchObject({ deliveryIdHint: ids[0] });
  });

  test("end after the given number, with what the server said last", async () => {
    const error = { error: { code: "SERVICE_UNAVAILABLE", message: "The database is away" }, requestId: "r-1" };
    receiver.replies({ status: 503, body: error });
    await expect(makeSender().send(EVENT)).rejects.toMatchObject({
      code: "SERVICE_UNAVAILABLE",
      message: "The database is away",
    });
    expect(receiver.received).toHaveLength(4);
    receiver.replies({ status: 503, body: error });
    await expect(makeSender({ retries: 5 }).send(EVENT, { retries: 0 })).rejects.toMatchObject({ requestId: "r-1" });
    expect(receiver.received).toHaveLength(1);
  });

  test.each([
    [400, "BAD_REQUEST"],
    [401, "UNAUTHORIZED"],
    [409, "CONFLICT"],
    [413, "PAYLOAD_TOO_LARGE"],
    [302, "INVALID_RESPONSE"],
    [200, "INVALID_RESPONSE"],
  ])("do not follow upon the status %i: %s", async (status, code) => {
    receiver.replies({ status, headers: status === 302 ? { location: receiver.url } : {}, body: "<html>" });
    await expect(makeSender().send(EVENT)).rejects.toMatchObject({ code, status });
    expect(receiver.received).toHaveLength(1);
  });

  test("have a time each: one that hangs is given up and made again", async () => {
    receiver.replies({ failure: "never" }, ACCEPTED);
    await expect(makeSender({ tryTimeoutMs: 50 }).send(EVENT)).resolves.toMatchObject({ deliveryId: "d-1" });
    expect(receiver.received).toHaveLength(2);
  });

  test("are left out where the wait would outlast the whole", async () => {
    receiver.replies({ status: 503, headers: { "retry-after": "31" } });
    await expect(makeSender().send(EVENT)).rejects.toMatchObject({ retryAfterMs: 31_000 });
    expect(receiver.received).toHaveLength(1);
  });

  test("end with the whole's time, or with the caller's signal", async () => {
    receiver.replies({ failure: "never" });
    await expect(makeSender().send(EVENT, { timeoutMs: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
    const controller = new AbortController();
    const sending = makeSender().send(EVENT, { signal: controller.signal });
    controller.abort();
    await expect(sending).rejects.toMatchObject({ code: "ABORTED" });
  });
});

test("what was taken already is said to be a duplicate, which is no failure", async () => {
  receiver.replies({ body: { status: "accepted", deliveryId: "d-1", duplicate: true } });
  await expect(send(EVENT, { baseUrl: receiver.url, secret: [SECRET] })).resolves.toEqual({ deliveryId: "d-1", duplicate: true });
});

test("what cannot work is said when the sender is made, and its secret never", () => {
  const make = (options: object) => () => createSender({ baseUrl: "https://parlant.example.com", secret: SECRET, ...options });
  expect(make({ baseUrl: "parlant" })).toThrow(/baseUrl must be an absolute/);
  expect(make({ secret: "" })).toThrow(/secret must not be empty/);
  expect(make({ secret: [] })).toThrow(/secret must not be empty/);
  expect(make({ retries: -1 })).toThrow(/retries must be/);
  expect(make({ tryTimeoutMs: 0 })).toThrow(/timeoutMs must be/);
  expect(make({})).not.toThrow();
});
