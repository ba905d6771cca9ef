import { sign, verify } from "../../../client-sdk/src/webhooks/index.ts";
import { failed, passed, type Verdict, warning } from "./verdict.ts";

export interface WebhookCheckOptions {
  /** Newest first; none where there are none. */
  secrets: readonly string[];
  allowLegacy: boolean;
  nowMs: number;
}

const PROBE = '{"probe":true}';

/** Whether a webhook that is signed with each secret is taken. That Sim signs with one of them shows at its first webhook. */
export async function checkWebhookSecret({ secrets, allowLegacy, nowMs }: WebhookCheckOptions): Promise<Verdict> {
  if (secrets.length === 0) {
    const message = "SIM_WEBHOOK_SECRET is unset, so every webhook is refused; what Sim changes is found by looking";
    return warning(message, "Set SIM_WEBHOOK_SECRET to what Sim signs its webhooks with");
  }
  for (const secret of secrets) {
    const signed = await sign(PROBE, { secrets: [secret], scheme: "sim", now: nowMs });
    const isTaken = await verify(PROBE, signed, { secrets, now: nowMs }).then(
      () => true,
      () => false,
    );
    if (!isTaken)
      return failed(
        "A webhook signed with a secret of SIM_WEBHOOK_SECRET is not taken",
        "Make the secrets anew, here and in Sim",
      );
  }
  if (allowLegacy) {
    return warning(
      "Webhooks signed without a time are taken, which whoever has seen one can send again",
      "Have Sim sign with a time, and unset SIM_WEBHOOK_ALLOW_LEGACY",
    );
  }
  return passed(
    secrets.length === 1
      ? "A webhook signed with the secret is taken"
      : `A webhook signed with any of the ${secrets.length} secrets is taken`,
  );
}
