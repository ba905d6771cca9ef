import type { Prisma } from "../../db/generated/client.ts";
import type { TransactionContext, WorkspaceContext } from "../../permissions/workspace-context.ts";
import { AppError, invalidInput } from "../../shared/errors.ts";
import type { WebhookEndpoint, WebhookEndpointEntry } from "./schemas.ts";

export type EndpointRow = Prisma.TypeMap["model"]["WebhookEndpoint"]["payload"]["scalars"];

export function toEndpointEntry(row: EndpointRow): WebhookEndpointEntry {
  return {
    id: row.id,
    workspaceId: row.workspaceId,
    url: row.url,
    description: row.description,
    eventTypes: row.eventTypes,
    isEnabled: row.isEnabled,
    disabledReason: row.disabledReason as WebhookEndpointEntry["disabledReason"],
    failingSince: row.failingSince,
    createdBy: row.createdBy,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

export function toEndpoint(row: EndpointRow): WebhookEndpoint {
  return { ...toEndpointEntry(row), isolation: { workspaceId: row.workspaceId, verified: true } };
}

/** What the audit trail keeps of an endpoint: never a secret. */
export function endpointView({ url, description, eventTypes, isEnabled }: EndpointRow): object {
  return { url, description, eventTypes, isEnabled };
}

/** The endpoint. @throws AppError NOT_FOUND where the workspace has none by this id */
export async function loadEndpoint({ db }: Pick<WorkspaceContext, "db"> | TransactionContext, id: string): Promise<EndpointRow> {
  const row = await db.webhookEndpoint.findFirst({ where: { id } });
  if (!row) throw endpointNotFound();
  return row;
}

export function endpointNotFound(): AppError {
  return new AppError("NOT_FOUND", "Endpoint not found");
}

/** @throws AppError BAD_REQUEST where events must not be sent to the URL */
export function assertEndpointUrl({ settings }: Pick<WorkspaceContext, "settings">, url: string): void {
  const problem = settings.endpointUrlProblem(url);
  if (problem !== null) throw invalidInput([{ path: ["url"], message: problem }]);
}
