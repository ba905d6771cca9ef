import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import { type SimSignatureRules, verifySimSignature } from "../signature.ts";
import { type AcceptedDelivery, acceptDelivery, type InboxContext } from "./accept-delivery.ts";
import { readEvent, type WebhookKind } from "./read-event.ts";

/** How a webhook's coming to nothing is counted. */
export type RefusedWebhook = "unauthorized" | "invalid" | "conflict";

export interface ReceiverContext extends InboxContext {
  signature: Omit<SimSignatureRules, "nowMs">;
  /** Told of each webhook that is refused. */
  onRefused(reason: RefusedWebhook): void;
  log: Logger;
}

export interface ReceivedWebhook {
  kind: WebhookKind;
  /** The very bytes that were sent. */
  body: Uint8Array;
  headers: Record<string, string | string[] | undefined>;
}

/**
 * What Sim sent is stored and will have its effect.
 *
 * @throws AppError UNAUTHORIZED where it is not known to be Sim's, and BAD_REQUEST where it is no event; CONFLICT where its
 * id is another body's. Then nothing is stored.
 */
export async function receiveWebhook(ctx: ReceiverContext, { kind, body, headers }: ReceivedWebhook): Promise<AcceptedDelivery> {
  try {
    const rules = { ...ctx.signature, nowMs: ctx.clock.now() };
    const { deliveryIdHint } = await verifySimSignature(body, headers, rules);
    return await acceptDelivery(ctx, { kind, id: deliveryIdHint, body, event: readEvent(kind, body) });
  } catch (error) {
    const reason = error instanceof AppError ? REASONS[error.code] : undefined;
    if (reason !== undefined) {
      ctx.onRefused(reason);
      ctx.log.warn({ webhook: kind, reason }, "a webhook was refused");
    }
    throw error;
  }
}

const REASONS: Partial<Record<AppError["code"], RefusedWebhook>> = {
  UNAUTHORIZED: "unauthorized",
  BAD_REQUEST: "invalid",
  CONFLICT: "conflict",
};
