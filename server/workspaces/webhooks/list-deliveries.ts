import type { Prisma } from "../../db/generated/client.ts";
import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { decodeCursor, encodeCursor } from "../../shared/pagination.ts";
import type { EndpointDelivery, EndpointDeliveryPage, ListDeliveriesInput } from "./delivery-schemas.ts";
import { loadEndpoint } from "./endpoint-row.ts";

type Scalars<Model extends "EndpointDelivery" | "EndpointAttempt"> = Prisma.TypeMap["model"][Model]["payload"]["scalars"];
type DeliveryRow = Scalars<"EndpointDelivery"> & { tries: Scalars<"EndpointAttempt">[] };

/** One page of what was sent to an endpoint, newest first, with every try. */
export async function listDeliveries(ctx: WorkspaceContext, input: ListDeliveriesInput): Promise<EndpointDeliveryPage> {
  const { limit, cursor, ...query } = input;
  const { endpointId, status } = query;
  await loadEndpoint(ctx, endpointId);
  const after = cursor === undefined ? undefined : decodeCursor(query, cursor, "time").id;
  const rows = await ctx.db.endpointDelivery.findMany({
    where: { endpointId, ...(status && { status }), ...(after !== undefined && { id: { lt: after } }) },
    include: { tries: { orderBy: { number: "asc" } } },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(toDelivery),
    nextCursor: rows.length > limit && last ? encodeCursor(query, { value: last.createdAt.toISOString(), id: last.id }) : null,
    isolation: { workspaceId: ctx.workspaceId, verified: true },
  };
}

function toDelivery(row: DeliveryRow): EndpointDelivery {
  return {
    id: row.id,
    eventId: row.eventId,
    eventType: row.eventType,
    status: row.status,
    attempts: row.tries.map(({ number, attemptedAt, durationMs, statusCode, error }) => ({
      ...{ number, attemptedAt, durationMs, statusCode, error },
    })),
    nextAttemptAt: row.nextAttemptAt,
    completedAt: row.completedAt,
    occurredAt: row.occurredAt,
  };
}
