import {
  verify,
  type WebhookHeaders,
  type WebhookScheme,
  WebhookVerificationError,
} from "../../client-sdk/src/webhooks/index.ts";
import { AppError } from "../shared/errors.ts";

/** How a webhook of Sim's is known to be one. */
export interface SimSignatureRules {
  /** SIM_WEBHOOK_SECRET, newest first. */
  secrets: readonly string[];
  /** SIM_WEBHOOK_ALLOW_LEGACY. */
  allowLegacy: boolean;
  nowMs: number;
}

export interface VerifiedDelivery {
  scheme: WebhookScheme;
  /** The id that the sender gave it; null where the body's hash has to do. Only the standard scheme signs it. */
  deliveryIdHint: string | null;
}

const ID_HEADERS = ["webhook-id", "idempotency-key", "x-delivery-id"] as const;
const DELIVERY_ID = /^[!-~]{1,255}$/;

/**
 * The body is one that Sim sent, in these very bytes, within the last five minutes.
 *
 * @throws AppError UNAUTHORIZED, the reason in its cause alone, where the signature is missing, malformed, stale or wrong;
 * BAD_REQUEST where the delivery's id is none
 */
export async function verifySimSignature(
  rawBody: Uint8Array,
  headers: Record<string, string | string[] | undefined>,
  { secrets, allowLegacy, nowMs }: SimSignatureRules,
): Promise<VerifiedDelivery> {
  const { scheme } = await verifyOrRefuse(rawBody, headers, { secrets, allowLegacy, now: nowMs });
  const name = ID_HEADERS.find((one) => headers[one] !== undefined && headers[one] !== "");
  if (name === undefined) return { scheme, deliveryIdHint: null };
  const id = String(headers[name]);
  if (!DELIVERY_ID.test(id)) {
    throw new AppError("BAD_REQUEST", `The header ${name} must have 1 to 255 visible ASCII characters and no space`);
  }
  return { scheme, deliveryIdHint: id };
}

async function verifyOrRefuse(body: Uint8Array, headers: WebhookHeaders, options: Parameters<typeof verify>[2]) {
  try {
    return await verify(body, headers, options);
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    throw new AppError("UNAUTHORIZED", "The webhook's signature is missing or not valid", { cause: error });
  }
}
