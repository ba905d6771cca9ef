import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor } from "../../shared/pagination.ts";
import { toEndpointEntry } from "./endpoint-row.ts";
import type { ListWebhookEndpointsInput, WebhookEndpointPage } from "./schemas.ts";

/** One page of the workspace's endpoints, by the time at which they were made. */
export async function listEndpoints(ctx: WorkspaceContext, input: ListWebhookEndpointsInput): Promise<WebhookEndpointPage> {
  const { limit, cursor, ...query } = input;
  const { sortOrder } = query;
  const after = cursor === undefined ? undefined : decodeCursor(query, cursor, "time").id;
  // An id begins with the time at which it was made.
  const rows = await ctx.db.webhookEndpoint.findMany({
    where: after === undefined ? {} : { id: sortOrder === "asc" ? { gt: after } : { lt: after } },
    orderBy: { id: sortOrder },
    take: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(toEndpointEntry),
    nextCursor: rows.length > limit && last ? encodeCursor(query, { value: last.createdAt.toISOString(), id: last.id }) : null,
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}
