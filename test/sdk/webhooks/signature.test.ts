import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  type SignOptions,
  sign,
  type VerifyOptions,
  verify,
  type WebhookRefusal,
  WebhookVerificationError,
} from "../../../client-sdk/src/webhooks/index.ts";

const SECRET = "a secret of more than 24 bytes";
const BODY = '{"event_type":"workspace_created","workspace_id":"ws"}';
const NOW = Date.parse("2026-11-24T12:00:00Z");
const id = "msg_1";

const signed = (options: Partial<SignOptions> = {}, body: string | Uint8Array = BODY) =>
  sign(body, { secrets: [SECRET], id, now: NOW, ...options });
const check = (
  headers: Record<string, string | string[] | undefined>,
  options: Partial<VerifyOptions> = {},
  body: string | Uint8Array = BODY,
) => verify(body, headers, { secrets: [SECRET], now: NOW, ...options });
const refused = (reason: WebhookRefusal) => expect.objectContaining({ name: "WebhookVerificationError", reason });

describe("the published examples", () => {
  test("Standard Webhooks: its libraries' own vector", async () => {
    const secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    const now = 1_614_265_330_000;
    const body = '{"test": 2432232314}';
    const headers = await sign(body, { secrets, id: "msg_p5jXN8AQM9LWM0D4loKWxJek", now });
    expect(headers).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
    expect(await verify(body, headers, { secrets, now })).toEqual({
      scheme: "standard",
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      signedAt: now,
    });
  });

  test("the body alone: GitHub's documented vector", async () => {
    const secrets = ["It's a Secret to Everybody"];
    const headers = await sign("Hello, World!", { secrets, scheme: "legacy" });
    expect(headers).toEqual({ "x-sim-signature": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" });
    expect(await verify("Hello, World!", headers, { secrets, allowLegacy: true })).toMatchObject({
      scheme: "legacy",
      signedAt: undefined,
    });
  });

  test("Sim's own: HMAC over the timestamp, a full stop and the body", async () => {
    const { createHmac } = await import("node:crypto");
    const hex = createHmac("sha256", SECRET)
      .update(`${NOW / 1_000}.${BODY}`)
      .digest("hex");
    expect(await signed({ scheme: "sim" })).toEqual({ "x-sim-signature": `t=${NOW / 1_000},v1=${hex}` });
    expect(await check({ "x-webhook-signature": `t=${NOW / 1_000},v1=${hex}` })).toEqual({
      scheme: "sim",
      id: undefined,
      signedAt: NOW,
    });
  });
});

describe.each(["standard", "sim"] as const)("the scheme %s", (scheme) => {
  test("vouches for the very bytes and no others", async () => {
    const bytes = Uint8Array.of(0x7b, 0xff, 0x00, 0x7d);
    const headers = await signed({ scheme }, bytes);
    expect(await check(headers, {}, bytes)).toMatchObject({ scheme });
    expect(await check(headers, {}, Buffer.concat([Buffer.from("xx"), bytes]).subarray(2))).toMatchObject({ scheme });
    expect(await verify(bytes.buffer, headers, { secrets: [SECRET], now: NOW })).toMatchObject({ scheme });
    await expect(check(headers, {}, Uint8Array.of(0x7b, 0xfe, 0x00, 0x7d))).rejects.toEqual(refused("wrong"));
  });

  test("JSON that was parsed and written again is another body", async () => {
    const body = '{"amount": 1.0, "name": "\\u00e9"}';
    const headers = await signed({ scheme }, body);
    expect(await check(headers, {}, body)).toMatchObject({ scheme });
    await expect(check(headers, {}, JSON.stringify(JSON.parse(body)))).rejects.toEqual(refused("wrong"));
  });

  test("a body that is no JSON verifies: whether it is one is another question", async () => {
    expect(await check(await signed({ scheme }, "no JSON"), {}, "no JSON")).toMatchObject({ scheme });
  });

  test("holds for 300 seconds either way, and not for a second more", async () => {
    const headers = await signed({ scheme });
    for (const seconds of [-300, 0, 300]) expect(await check(headers, { now: NOW + seconds * 1_000 })).toMatchObject({ scheme });
    for (const seconds of [-301, 301, 1e9]) {
      await expect(check(headers, { now: NOW + seconds * 1_000 })).rejects.toEqual(refused("stale"));
    }
    // The control: with a wider tolerance the same headers pass.
    expect(await check(headers, { now: NOW + 301_000, toleranceSeconds: 600 })).toMatchObject({ scheme });
    await expect(check(headers, { toleranceSeconds: Number.NaN })).rejects.toEqual(refused("stale"));
  });

  test("each secret is tried with each signature, in any order", async () => {
    const [old, fresh] = ["the old secret of 24 bytes and more", "the fresh secret of 24 bytes and more"];
    const both = await signed({ scheme, secrets: [fresh, old] });
    for (const secrets of [[old], [fresh], [SECRET, old], [fresh, SECRET]])
      expect(await check(both, { secrets })).toMatchObject({ scheme });
    await expect(check(both, { secrets: [SECRET] })).rejects.toEqual(refused("wrong"));
    await expect(check(both, { secrets: [] })).rejects.toEqual(refused("wrong"));
  });

  test("a secret behind whsec_ is base64, any other its own bytes", async () => {
    const encoded = btoa(SECRET);
    const headers = await signed({ scheme });
    expect(await check(headers, { secrets: [`whsec_${encoded}`] })).toMatchObject({ scheme });
    await expect(check(headers, { secrets: [encoded] })).rejects.toEqual(refused("wrong"));
    await expect(check(headers, { secrets: ["whsec_no base64!"] })).rejects.not.toBeInstanceOf(WebhookVerificationError);
  });

  test("nobody signs without a secret", async () => {
    await expect(signed({ scheme, secrets: [] })).rejects.toThrow(TypeError);
  });
});

describe("strict about what was sent", () => {
  test.each([
    `${NOW / 1_000}abc`,
    `${NOW / 1_000}.9`,
    ` ${NOW / 1_000}`,
    `+${NOW / 1_000}`,
    "0x6566",
    "1e9",
    "NaN",
    "",
    "17000000000000000",
    "١٧٠٠٠٠٠٠٠٠",
  ])("no timestamp: %j, even rightly signed", async (timestamp) => {
    const { createHmac } = await import("node:crypto");
    const mac = createHmac("sha256", SECRET).update(`${id}.${timestamp}.${BODY}`).digest("base64");
    const standard = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${mac}` };
    await expect(check(standard)).rejects.toEqual(refused("malformed"));
    const hex = createHmac("sha256", SECRET).update(`${timestamp}.${BODY}`).digest("hex");
    await expect(check({ "x-sim-signature": `t=${timestamp},v1=${hex}` })).rejects.toBeInstanceOf(WebhookVerificationError);
  });

  test("more than 10^11 is milliseconds, in Sim's own scheme alone", async () => {
    const { createHmac } = await import("node:crypto");
    const hex = createHmac("sha256", SECRET).update(`${NOW}.${BODY}`).digest("hex");
    expect(await check({ "x-webhook-signature": `t=${NOW},v1=${hex}` })).toMatchObject({ signedAt: NOW });
    await expect(check({ "x-webhook-signature": `t=${NOW},v1=${hex}` }, { now: NOW + 300_001 })).rejects.toEqual(
      refused("stale"),
    );
    const mac = createHmac("sha256", SECRET).update(`${id}.${NOW}.${BODY}`).digest("base64");
    const standard = { "webhook-id": id, "webhook-timestamp": `${NOW}`, "webhook-signature": `v1,${mac}` };
    await expect(check(standard)).rejects.toEqual(refused("stale"));
  });

  test("signatures of other versions and malformed ones are passed over, beside a good one", async () => {
    const headers = await signed();
    const good = headers["webhook-signature"];
    for (const others of ["v1a,hnO3f9T8 v2,x", "v1,short v1,", `v0=${"a".repeat(64)}`, "v1", "   "]) {
      expect(await check({ ...headers, "webhook-signature": `${others} ${good}` })).toMatchObject({ id });
      await expect(check({ ...headers, "webhook-signature": others })).rejects.toEqual(refused("wrong"));
    }
    const { "x-sim-signature": own = "" } = await signed({ scheme: "sim" });
    expect(await check({ "x-sim-signature": `${own},v0=ff,v1=zz` })).toMatchObject({ scheme: "sim" });
  });

  test("more than eight signatures are not tried", async () => {
    const headers = await signed();
    const many = (count: number) => ({
      ...headers,
      "webhook-signature": `${"v1,x ".repeat(count)}${headers["webhook-signature"]}`,
    });
    expect(await check(many(7))).toMatchObject({ id });
    await expect(check(many(8))).rejects.toEqual(refused("malformed"));
  });

  test("every secret is tried to the end, whichever of them signed", async () => {
    const secrets = [SECRET, "another secret of 24 bytes and more", "a third secret of 24 bytes and more"];
    const made = vi.spyOn(crypto.subtle, "sign");
    onTestFinished(() => made.mockRestore());
    for (const secret of secrets) {
      const headers = await signed({ secrets: [secret] });
      made.mockClear();
      await check(headers, { secrets });
      expect(made).toHaveBeenCalledTimes(secrets.length);
    }
  });

  test("two timestamps, or none, are no timestamp", async () => {
    const { "x-sim-signature": own = "" } = await signed({ scheme: "sim" });
    await expect(check({ "x-sim-signature": `${own},t=1` })).rejects.toEqual(refused("malformed"));
    await expect(check({ "x-sim-signature": [own, own] })).rejects.toEqual(refused("malformed"));
    await expect(check({ "x-sim-signature": own.slice(own.indexOf(",") + 1) })).rejects.toEqual(refused("malformed"));
  });

  test("the first scheme that is present decides: a good one does not make up for a bad one", async () => {
    const own = await signed({ scheme: "sim" });
    const standard = await signed();
    await expect(check({ ...own, ...standard, "webhook-signature": "v1,x" })).rejects.toEqual(refused("wrong"));
    await expect(check({ "x-sim-signature": "t=1,v1=x", "x-webhook-signature": own["x-sim-signature"] })).rejects.toEqual(
      refused("stale"),
    );
  });

  test("the id is signed with the body", async () => {
    const headers = await signed();
    await expect(check({ ...headers, "webhook-id": "msg_2" })).rejects.toEqual(refused("wrong"));
    for (const bad of [undefined, "", "two words", "é", "x".repeat(256)]) {
      await expect(check({ ...headers, "webhook-id": bad })).rejects.toEqual(refused("malformed"));
      await expect(signed({ id: bad ?? "" })).rejects.toThrow(TypeError);
    }
    await expect(signed({ id: "a.b" })).rejects.toThrow(TypeError);
  });

  test("a signature of the body alone needs the caller's leave", async () => {
    const headers = await signed({ scheme: "legacy" });
    await expect(check(headers)).rejects.toEqual(refused("untimed"));
    expect(await check(headers, { allowLegacy: true })).toEqual({ scheme: "legacy", id: undefined, signedAt: undefined });
    await expect(check(headers, { allowLegacy: true }, `${BODY} `)).rejects.toEqual(refused("wrong"));
  });

  test("no signature at all", async () => {
    await expect(check({})).rejects.toEqual(refused("missing"));
    await expect(verify(BODY, new Headers(), { secrets: [SECRET] })).rejects.toEqual(refused("missing"));
    expect(await verify(BODY, new Headers(await signed()), { secrets: [SECRET], now: NOW })).toMatchObject({ id });
  });

  test("whatever the headers are, nothing but the one error comes of them", async () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({
        unit: fc.constantFrom("t", "=", ",", "v", "1", " ", "0", ".", "s", "h", "a", "2", "5", "6", "+", "/", "\u0000", "é"),
      }),
    );
    const value = fc.option(fc.oneof(text, fc.array(text)), { nil: undefined });
    const headers = fc.record({
      "webhook-id": value,
      "webhook-timestamp": fc.oneof(value, fc.constant(`${NOW / 1_000}`)),
      "webhook-signature": value,
      "x-sim-signature": value,
      "x-webhook-signature": value,
    });
    await fc.assert(
      fc.asyncProperty(headers, fc.boolean(), async (sent, allowLegacy) => {
        await expect(check(sent, { allowLegacy })).rejects.toBeInstanceOf(WebhookVerificationError);
      }),
      { numRuns: 500 },
    );
  });
});
