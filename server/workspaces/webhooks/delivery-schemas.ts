import { z } from "zod";
import { pageInput } from "../../shared/pagination.ts";
import { Isolation } from "../isolation-schema.ts";
import { WebhookEndpointRef } from "./schemas.ts";

const DeliveryStatus = z.enum(["pending", "delivered", "failed"]);

export const ListDeliveriesInput = z.strictObject({
  ...WebhookEndpointRef.shape,
  limit: pageInput.limit,
  cursor: pageInput.cursor,
  status: DeliveryStatus.optional().describe("Only deliveries in this state"),
});
export type ListDeliveriesInput = z.output<typeof ListDeliveriesInput>;

export const EndpointDeliveryRef = z.strictObject({
  ...WebhookEndpointRef.shape,
  deliveryId: z.uuid().toLowerCase().describe("The delivery's id"),
});
export type EndpointDeliveryRef = z.output<typeof EndpointDeliveryRef>;

export const DeliveryAttempt = z.object({
  number: z.int(),
  attemptedAt: z.date(),
  durationMs: z.int(),
  statusCode: z.int().nullable().describe("The answer's status; null where there was none"),
  error: z.string().nullable(),
});

export const EndpointDelivery = z.object({
  id: z.uuid(),
  eventId: z.uuid().describe("The audit event's id, sent as webhook-id: the same in every try"),
  eventType: z.string(),
  status: DeliveryStatus,
  attempts: z.array(DeliveryAttempt).describe("Every try, oldest first"),
  nextAttemptAt: z.date().nullable(),
  completedAt: z.date().nullable(),
  occurredAt: z.date(),
});
export type EndpointDelivery = z.output<typeof EndpointDelivery>;

export const EndpointDeliveryPage = z.object({
  data: z.array(EndpointDelivery),
  nextCursor: z.string().nullable(),
  isolation: Isolation,
});
export type EndpointDeliveryPage = z.output<typeof EndpointDeliveryPage>;

export const QueuedDelivery = z.object({
  deliveryId: z.uuid().describe("What it is called in the log of deliveries"),
  isolation: Isolation,
});
export type QueuedDelivery = z.output<typeof QueuedDelivery>;
