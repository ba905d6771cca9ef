import { recordAudit } from "../../audit/record.ts";
import { newEndpointSecret, sealSecret } from "../../outbox/endpoint-secret.ts";
import { inTransaction, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { endpointNotFound, loadEndpoint, toEndpoint } from "./endpoint-row.ts";
import type { WebhookEndpointRef, WebhookEndpointWithSecret } from "./schemas.ts";

/** How long the secret before goes on signing, beside the present one. */
const OVERLAP_MS = 86_400_000;

/** Gives the endpoint another secret, which is in the answer and nowhere else; for a day both sign. */
export function rotateSecret(ctx: WorkspaceContext, { endpointId: id }: WebhookEndpointRef): Promise<WebhookEndpointWithSecret> {
  return inTransaction(ctx, async (tx) => {
    const before = await loadEndpoint(tx, id);
    const keys = (await tx.renewKeys(tx.db)).audit;
    const secret = newEndpointSecret();
    const nowMs = tx.clock.now();
    const [after] = await tx.db.webhookEndpoint.updateManyAndReturn({
      where: { id },
      data: {
        secret: sealSecret(keys, tx.workspaceId, id, secret),
        previousSecret: before.secret,
        previousSecretUntil: new Date(nowMs + OVERLAP_MS),
        updatedAt: new Date(nowMs),
      },
    });
    if (!after) throw endpointNotFound();
    await recordAudit(tx, { action: "endpoint.rotate", target: { kind: "endpoint", id } });
    return { ...toEndpoint(after), secret };
  });
}
