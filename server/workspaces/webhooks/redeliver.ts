import { recordAudit } from "../../audit/record.ts";
import { enqueue } from "../../jobs/job-kind.ts";
import { DELIVER_EVENT } from "../../outbox/delivery-job.ts";
import { inTransaction, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { AppError } from "../../shared/errors.ts";
import type { EndpointDeliveryRef, QueuedDelivery } from "./delivery-schemas.ts";
import { endpointNotFound, loadEndpoint } from "./endpoint-row.ts";

/**
 * Sends a delivery once more, under the webhook-id that it had, or now where it waits for its next try.
 *
 * @throws AppError NOT_FOUND where the endpoint has no such delivery; CONFLICT where the endpoint is disabled
 */
export function redeliver(ctx: WorkspaceContext, { endpointId, deliveryId }: EndpointDeliveryRef): Promise<QueuedDelivery> {
  return inTransaction(ctx, async (tx) => {
    if (!(await tx.db.holdEndpoint(endpointId))) throw endpointNotFound();
    const endpoint = await loadEndpoint(tx, endpointId);
    if (!endpoint.isEnabled) throw new AppError("CONFLICT", "The endpoint is disabled; enable it first");
    const [delivery] = await tx.db.endpointDelivery.updateManyAndReturn({
      where: { id: deliveryId, endpointId },
      data: { status: "pending", completedAt: null, nextAttemptAt: new Date(tx.clock.now()) },
    });
    if (!delivery) throw new AppError("NOT_FOUND", "Delivery not found");
    // Whoever asks for it says that the endpoint is there again.
    await tx.db.webhookEndpoint.updateMany({
      where: { id: endpointId, pausedUntil: { not: null } },
      data: { pausedUntil: null },
    });
    await enqueue(tx.db, DELIVER_EVENT, { deliveryId, attempts: delivery.attempts });
    await recordAudit(tx, { action: "endpoint.redeliver", target: { kind: "endpoint", id: endpointId } });
    return { deliveryId, isolation: { workspaceId: tx.workspaceId, verified: true } };
  });
}
