import type { WorkspaceTransaction } from "../db/workspace-db.ts";
import { enqueue } from "../jobs/job-kind.ts";
import { newId } from "../shared/ids.ts";
import { DELIVER_EVENT } from "./delivery-job.ts";
import { eventTypeOf, subscriptionsFor, type TEST_EVENT } from "./event-types.ts";

/** An event of the audit trail, as far as endpoints are told of it. */
export interface PublishedEvent {
  id: string;
  occurredAt: Date;
  action: string;
  targetKind: string;
  targetId: string;
  actorKind: string;
  actorId: string | null;
}

export type OutboxTransaction = Pick<WorkspaceTransaction, "endpointDelivery" | "lockEndpoints" | "enqueue">;

/**
 * Every endpoint that subscribes to the event is told of it once the transaction commits, and none where it does not:
 * the deliveries and their jobs are rows of the transaction itself.
 */
export async function publishEvent(tx: OutboxTransaction, event: PublishedEvent): Promise<void> {
  const type = eventTypeOf(event.action);
  if (type === null) return;
  const endpointIds = await tx.lockEndpoints(subscriptionsFor(type));
  for (const endpointId of endpointIds) await sendTo(tx, endpointId, type, event);
}

/** Has the event sent to one endpoint once the transaction commits; resolves to the delivery's id. */
export async function sendTo(
  tx: Omit<OutboxTransaction, "lockEndpoints">,
  endpointId: string,
  eventType: NonNullable<ReturnType<typeof eventTypeOf>> | typeof TEST_EVENT,
  event: PublishedEvent,
): Promise<string> {
  const { id: eventId, occurredAt, targetKind, targetId, actorKind, actorId } = event;
  const id = newId(occurredAt.getTime());
  const ids = { id, endpointId, eventId, targetKind, targetId, actorKind, actorId };
  const times = { occurredAt, createdAt: occurredAt, nextAttemptAt: occurredAt };
  await tx.endpointDelivery.createMany({ data: [{ ...ids, ...times, eventType }] });
  await enqueue(tx, DELIVER_EVENT, { deliveryId: id, attempts: 0 });
  return id;
}
