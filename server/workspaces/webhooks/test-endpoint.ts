import { recordAudit } from "../../audit/record.ts";
import { actingUserId, principalId } from "../../auth/principal.ts";
import { TEST_EVENT } from "../../outbox/event-types.ts";
import { sendTo } from "../../outbox/publish-event.ts";
import { inTransaction, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { AppError } from "../../shared/errors.ts";
import { newId } from "../../shared/ids.ts";
import type { QueuedDelivery } from "./delivery-schemas.ts";
import { endpointNotFound, loadEndpoint } from "./endpoint-row.ts";
import type { WebhookEndpointRef } from "./schemas.ts";

/** Sends an event that says nothing; how it went is in the log of deliveries. @throws AppError CONFLICT where the endpoint is disabled */
export function testEndpoint(ctx: WorkspaceContext, { endpointId }: WebhookEndpointRef): Promise<QueuedDelivery> {
  return inTransaction(ctx, async (tx) => {
    if (!(await tx.db.holdEndpoint(endpointId))) throw endpointNotFound();
    const endpoint = await loadEndpoint(tx, endpointId);
    if (!endpoint.isEnabled) throw new AppError("CONFLICT", "The endpoint is disabled; enable it first");
    const nowMs = tx.clock.now();
    const deliveryId = await sendTo(tx.db, endpointId, TEST_EVENT, {
      id: newId(nowMs),
      occurredAt: new Date(nowMs),
      action: "endpoint.test",
      targetKind: "endpoint",
      targetId: endpointId,
      actorKind: tx.principal.kind,
      actorId: actingUserId(tx.principal) ?? principalId(tx.principal),
    });
    await recordAudit(tx, { action: "endpoint.test", target: { kind: "endpoint", id: endpointId } });
    return { deliveryId, isolation: { workspaceId: tx.workspaceId, verified: true } };
  });
}
