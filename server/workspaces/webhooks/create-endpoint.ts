import { recordAudit } from "../../audit/record.ts";
import { actingUserId } from "../../auth/principal.ts";
import { newEndpointSecret, openSecret, sealSecret } from "../../outbox/endpoint-secret.ts";
import { inTransaction, type TransactionContext, type WorkspaceContext } from "../../permissions/workspace-context.ts";
import { AppError } from "../../shared/errors.ts";
import { newId } from "../../shared/ids.ts";
import { once } from "../once.ts";
import { assertEndpointUrl, endpointView, toEndpoint } from "./endpoint-row.ts";
import type { CreateWebhookEndpointInput, WebhookEndpoint, WebhookEndpointWithSecret } from "./schemas.ts";

const MAX_ENDPOINTS = 20;

/**
 * Registers an endpoint; events of this moment on are sent to it. Its secret is in the answer and nowhere else: the row,
 * and the answer kept for a repeated request, have it under the workspace's own key.
 *
 * @throws AppError BAD_REQUEST where events must not be sent to the URL, CONFLICT where the workspace has its fill of endpoints
 */
export function createEndpoint(ctx: WorkspaceContext, input: CreateWebhookEndpointInput): Promise<WebhookEndpointWithSecret> {
  return inTransaction(ctx, async (tx) => {
    const keys = (await tx.renewKeys(tx.db)).audit;
    const { sealed, ...endpoint } = await once(tx, "endpoint.create", input, () => register(tx, input));
    const secret = openSecret(keys, tx.workspaceId, endpoint.id, Buffer.from(sealed, "base64"));
    if (secret === null) throw new Error("The secret that was kept for a repeated request cannot be read");
    return { ...endpoint, secret };
  });
}

async function register(
  tx: TransactionContext,
  input: CreateWebhookEndpointInput,
): Promise<WebhookEndpoint & { sealed: string }> {
  assertEndpointUrl(tx, input.url);
  // One after the other, so that each counts those of the one before.
  await tx.db.lockState();
  if ((await tx.db.webhookEndpoint.count({})) >= MAX_ENDPOINTS) {
    throw new AppError("CONFLICT", `The workspace has ${MAX_ENDPOINTS} endpoints, which is as many as it can have`, {
      details: { code: "ENDPOINT_LIMIT" },
    });
  }
  const { workspaceId: _, ...fields } = input;
  const nowMs = tx.clock.now();
  const id = newId(nowMs);
  const createdAt = new Date(nowMs);
  const secret = sealSecret((await tx.renewKeys(tx.db)).audit, tx.workspaceId, id, newEndpointSecret());
  const createdBy = actingUserId(tx.principal);
  const row = await tx.db.webhookEndpoint.create({ data: { ...fields, id, secret, createdBy, createdAt, updatedAt: createdAt } });
  await recordAudit(tx, { action: "endpoint.create", target: { kind: "endpoint", id }, after: endpointView(row) });
  return { ...toEndpoint(row), sealed: secret.toString("base64") };
}
