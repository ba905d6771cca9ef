import * as octokit from "@octokit/webhooks-methods";
import fc from "fast-check";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { describe, expect, test } from "vitest";
import { sign, verify } from "../../../client-sdk/src/webhooks/index.ts";

/** Other people's implementations of the same schemes, as judges of ours. */

const BASE64_SECRET = btoa("thirty-two bytes of a secret....");
const secrets = [`whsec_${BASE64_SECRET}`];
const ID = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
const BODY = fc.json();

describe("standardwebhooks and svix", () => {
  const foreign = { standardwebhooks: new StandardWebhook(secrets[0] ?? ""), svix: new SvixWebhook(secrets[0] ?? "") };

  for (const [name, webhook] of Object.entries(foreign)) {
    test(`${name} verifies what we sign`, async () => {
      await fc.assert(
        fc.asyncProperty(ID, BODY, async (id, body) => {
          const headers = await sign(body, { secrets, id });
          expect(() => webhook.verify(body, headers)).not.toThrow();
          expect(() => webhook.verify(`${body} `, headers)).toThrow("No matching signature");
        }),
        { numRuns: 50 },
      );
    });

    test(`we verify what ${name} signs`, async () => {
      await fc.assert(
        fc.asyncProperty(ID, BODY, async (id, body) => {
          const date = new Date(Math.floor(Date.now() / 1_000) * 1_000);
          const headers = {
            "webhook-id": id,
            "webhook-timestamp": `${date.getTime() / 1_000}`,
            "webhook-signature": webhook.sign(id, date, body),
          };
          expect(await verify(body, headers, { secrets })).toEqual({ scheme: "standard", id, signedAt: date.getTime() });
          await expect(verify(body, { ...headers, "webhook-id": `${id}x` }, { secrets })).rejects.toThrow("is wrong");
        }),
        { numRuns: 50 },
      );
    });
  }

  test("what was tampered with is refused by all alike", async () => {
    const mutation = fc.record({ at: fc.nat(), to: fc.constantFrom(..."abcxyz019+/=, v") });
    const target = fc.constantFrom("webhook-id", "webhook-timestamp", "webhook-signature", "body");
    await fc.assert(
      fc.asyncProperty(ID, BODY, target, mutation, async (id, body, where, { at, to }) => {
        const message: Record<string, string> = { ...(await sign(body, { secrets, id })), body };
        const before = message[where] ?? "";
        const index = at % Math.max(1, before.length);
        message[where] = `${before.slice(0, index)}${to}${before.slice(index + 1)}`;
        const { body: sent = "", ...headers } = message;
        const ours = await verify(sent, headers, { secrets }).then(
          () => true,
          () => false,
        );
        const theirs = Object.values(foreign).map((webhook) =>
          accepts(() => webhook.verify(sent, headers, { jsonParse: false })),
        );
        // They read the leading digits of a timestamp such as 1700000000x, and we refuse it; otherwise all agree.
        const isStrict = /^\d+$/.test(headers["webhook-timestamp"] ?? "");
        if (isStrict) expect(theirs).toEqual([ours, ours]);
        else expect(ours).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe("@octokit/webhooks-methods", () => {
  const secret = "a secret of more than 24 bytes";

  test("signs and verifies as our legacy scheme does", async () => {
    await fc.assert(
      fc.asyncProperty(
        BODY.filter((body) => body !== ""),
        async (body) => {
          const { "x-sim-signature": ours = "" } = await sign(body, { secrets: [secret], scheme: "legacy" });
          expect(await octokit.sign(secret, body)).toBe(ours);
          expect(await octokit.verify(secret, body, ours)).toBe(true);
          expect(await octokit.verify(secret, `${body} `, ours)).toBe(false);
          const headers = { "x-sim-signature": await octokit.sign(secret, body) };
          expect(await verify(body, headers, { secrets: [secret], allowLegacy: true })).toMatchObject({ scheme: "legacy" });
        },
      ),
      { numRuns: 50 },
    );
  });
});

function accepts(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}
