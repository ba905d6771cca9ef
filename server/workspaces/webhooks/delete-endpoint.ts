import { recordAudit } from "../../audit/record.ts";
import { inTransaction, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { endpointNotFound, endpointView, loadEndpoint } from "./endpoint-row.ts";
import type { DeletedWebhookEndpoint, WebhookEndpointRef } from "./schemas.ts";

/** Deletes an endpoint for good, with its log of deliveries; nothing more is sent to it. */
export function deleteEndpoint(ctx: WorkspaceContext, { endpointId: id }: WebhookEndpointRef): Promise<DeletedWebhookEndpoint> {
  return inTransaction(ctx, async (tx) => {
    const before = await loadEndpoint(tx, id);
    const { count } = await tx.db.webhookEndpoint.deleteMany({ where: { id } });
    if (count === 0) throw endpointNotFound();
    await recordAudit(tx, { action: "endpoint.delete", target: { kind: "endpoint", id }, before: endpointView(before) });
    return { id, isolation: { workspaceId: tx.workspaceId, verified: true } };
  });
}
