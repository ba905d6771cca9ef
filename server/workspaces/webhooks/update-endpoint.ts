import { recordAudit } from "../../audit/record.ts";
import { inTransaction, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { assertEndpointUrl, endpointNotFound, endpointView, loadEndpoint, toEndpoint } from "./endpoint-row.ts";
import type { UpdateWebhookEndpointInput, WebhookEndpoint } from "./schemas.ts";

/** What an endpoint begins anew with, once it is enabled again or stands elsewhere. */
const UNTRIED = { failures: 0, failingSince: null, pausedUntil: null };

/** Changes the given fields of an endpoint. */
export function updateEndpoint(ctx: WorkspaceContext, input: UpdateWebhookEndpointInput): Promise<WebhookEndpoint> {
  const { workspaceId: _, endpointId: id, isEnabled, ...given } = input;
  return inTransaction(ctx, async (tx) => {
    const before = await loadEndpoint(tx, id);
    if (given.url !== undefined) assertEndpointUrl(tx, given.url);
    const { url = before.url, description = before.description, eventTypes = before.eventTypes } = given;
    const [after] = await tx.db.webhookEndpoint.updateManyAndReturn({
      where: { id },
      data: {
        url,
        description,
        eventTypes,
        ...(isEnabled !== undefined && { isEnabled, disabledReason: isEnabled ? null : (before.disabledReason ?? "manual") }),
        ...((isEnabled === true || url !== before.url) && UNTRIED),
        updatedAt: new Date(tx.clock.now()),
      },
    });
    if (!after) throw endpointNotFound();
    const views = { before: endpointView(before), after: endpointView(after) };
    await recordAudit(tx, { action: "endpoint.update", target: { kind: "endpoint", id }, ...views });
    return toEndpoint(after);
  });
}
