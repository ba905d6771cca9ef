import { describe, expect, test } from "vitest";
import { sign } from "../../client-sdk/src/webhooks/index.ts";
import { verifySimSignature } from "../../server/sim-integration/signature.ts";

const SECRET = "a secret of more than 24 bytes";
const BODY = Buffer.from('{"event_type":"workspace_created"}');
const NOW = Date.parse("2026-11-24T12:00:00Z");

const signed = (scheme: "standard" | "sim" | "legacy") => sign(BODY, { secrets: [SECRET], id: "msg_1", now: NOW, scheme });
const check = (headers: Record<string, string>, { allowLegacy = false, nowMs = NOW } = {}) =>
  verifySimSignature(BODY, headers, { secrets: [SECRET], allowLegacy, nowMs });

describe("the id of a delivery", () => {
  test.each([
    ["webhook-id", { "idempotency-key": "key", "x-delivery-id": "delivery" }, "msg_1", "standard"],
    ["webhook-id, also where it is not signed", { "webhook-id": "msg_2", "idempotency-key": "key" }, "msg_2", "sim"],
    ["Idempotency-Key", { "idempotency-key": "key", "x-delivery-id": "delivery" }, "key", "sim"],
    ["X-Delivery-ID", { "idempotency-key": "", "x-delivery-id": "delivery" }, "delivery", "sim"],
    ["none, so that the body's hash decides", {}, null, "sim"],
  ] as const)("is %s", async (_, headers, deliveryIdHint, scheme) => {
    expect(await check({ ...(await signed(scheme)), ...headers })).toEqual({ scheme, deliveryIdHint });
  });

  test("that no database column should hold is refused, once the sender is known", async () => {
    for (const key of ["two words", "\u0000", "x".repeat(256)]) {
      await expect(check({ ...(await signed("sim")), "idempotency-key": key })).rejects.toMatchObject({ code: "BAD_REQUEST" });
      await expect(check({ "idempotency-key": key })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    }
  });
});

test("whatever is wrong with a signature, the answer is the same 401, and its cause says what", async () => {
  const good = await signed("standard");
  const answers = await Promise.all(
    [
      [{}, "missing"],
      [{ ...good, "webhook-timestamp": "x" }, "malformed"],
      [{ ...good, "webhook-timestamp": "1" }, "stale"],
      [{ ...good, "webhook-id": "msg_2" }, "wrong"],
      [await signed("legacy"), "untimed"],
    ].map(async ([headers, reason]) => {
      const error = await check(headers as Record<string, string>).catch((caught) => caught);
      expect(error).toMatchObject({ code: "UNAUTHORIZED", cause: { reason } });
      return JSON.stringify(error.toBody());
    }),
  );
  expect(new Set(answers).size).toBe(1);
  // The controls: with nothing wrong, and with the leave for the legacy scheme, the same headers pass.
  expect(await check(good)).toMatchObject({ scheme: "standard" });
  expect(await check(await signed("legacy"), { allowLegacy: true })).toMatchObject({ scheme: "legacy" });
});
