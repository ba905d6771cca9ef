import { z } from "zod";
import { AppError, invalidInput } from "../../shared/errors.ts";
import { PermissionUpdateBody, WorkspaceEventBody } from "../sim-event.ts";
import { type AcceptedDelivery, acceptDelivery, type InboxContext } from "./accept-delivery.ts";
import { readEvent, type WebhookKind } from "./read-event.ts";

const deliveryId = z
  .string()
  .regex(/^[!-~]{1,255}$/, "must be 1 to 255 visible ASCII characters without a space")
  .optional()
  .describe("The same id and event again have no second effect; the event's hash unless given");

/** As a webhook's body they may have keys that are not listed, which are kept and passed over. */
const WorkspaceEvent = WorkspaceEventBody.extend({ data: WorkspaceEventBody.shape.data.unwrap().loose().default({}) }).loose();
const PermissionUpdate = PermissionUpdateBody.loose();

export const AcceptWorkspaceEventInput = z.strictObject({ event: WorkspaceEvent, deliveryId });
export const AcceptPermissionUpdateInput = z.strictObject({ event: PermissionUpdate, deliveryId });

/** As a webhook's body may have. */
const MAX_BYTES = 256 * 1_024;

/**
 * An event that Sim's backend tells by a call is a delivery like one that it sends, except that the call needs no signature.
 *
 * @throws AppError BAD_REQUEST where it is no JSON, or too large; as acceptDelivery does
 */
export function acceptEvent(
  ctx: InboxContext,
  kind: WebhookKind,
  { event, deliveryId }: { event: object; deliveryId?: string | undefined },
): Promise<AcceptedDelivery> {
  const body = Buffer.from(toJson(event));
  if (body.length > MAX_BYTES) throw new AppError("PAYLOAD_TOO_LARGE", `An event has at most ${MAX_BYTES} bytes as JSON`);
  return acceptDelivery(ctx, { kind, id: deliveryId ?? null, body, event: readEvent(kind, body) });
}

function toJson(event: object): string {
  try {
    return JSON.stringify(event);
  } catch {
    // superjson brings over circles and large integers.
    throw invalidInput([{ path: ["event"], message: "must hold JSON values alone" }]);
  }
}
