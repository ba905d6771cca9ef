import { z } from "zod";
import { EVENT_GROUPS, OUTGOING_EVENT_TYPES } from "../../outbox/event-types.ts";
import { pageInput } from "../../shared/pagination.ts";
import { freeText, simId } from "../../shared/text.ts";
import { Isolation } from "../isolation-schema.ts";

const workspaceId = simId.describe("Sim's id of the workspace");
const Subscription = z.enum([...EVENT_GROUPS, ...OUTGOING_EVENT_TYPES]);
const DisabledReason = z.enum(["manual", "gone", "failing"]);

const fields = {
  url: z.string().min(1).max(2_048).describe("Where events are posted to: https, on a public address"),
  description: freeText(500).nullable().describe("What it is for"),
  eventTypes: z.array(Subscription).min(1).max(50).describe("Which events it gets: types, or groups such as agent.*"),
};

/** Names one endpoint in a workspace. */
export const WebhookEndpointRef = z.strictObject({
  workspaceId,
  endpointId: z.uuid().toLowerCase().describe("The endpoint's id"),
});
export type WebhookEndpointRef = z.output<typeof WebhookEndpointRef>;

export const CreateWebhookEndpointInput = z.strictObject({
  workspaceId,
  url: fields.url,
  description: fields.description.default(null),
  eventTypes: fields.eventTypes.default([...EVENT_GROUPS]),
});
export type CreateWebhookEndpointInput = z.output<typeof CreateWebhookEndpointInput>;

export const UpdateWebhookEndpointInput = z.strictObject({
  ...WebhookEndpointRef.shape,
  ...z.object(fields).partial().shape,
  isEnabled: z
    .boolean()
    .optional()
    .describe("false: nothing is sent; true: events from now on are, and its failures are forgotten"),
});
export type UpdateWebhookEndpointInput = z.output<typeof UpdateWebhookEndpointInput>;

export const ListWebhookEndpointsInput = z.strictObject({ workspaceId, ...pageInput });
export type ListWebhookEndpointsInput = z.output<typeof ListWebhookEndpointsInput>;

const endpointFields = {
  id: z.uuid(),
  workspaceId: z.string(),
  url: z.string(),
  description: z.string().nullable(),
  eventTypes: z.array(z.string()),
  isEnabled: z.boolean(),
  disabledReason: DisabledReason.nullable().describe("gone: it answered 410; failing: it took nothing for five days"),
  failingSince: z.date().nullable().describe("Since when every try has failed"),
  createdBy: z.string().nullable(),
  createdAt: z.date(),
  updatedAt: z.date(),
};

export const WebhookEndpointEntry = z.object(endpointFields);
export type WebhookEndpointEntry = z.output<typeof WebhookEndpointEntry>;

export const WebhookEndpoint = WebhookEndpointEntry.extend({ isolation: Isolation });
export type WebhookEndpoint = z.output<typeof WebhookEndpoint>;

export const WebhookEndpointWithSecret = WebhookEndpoint.extend({
  secret: z.string().describe("What signs its events (whsec_…, as in Standard Webhooks); it is told here and never again"),
});
export type WebhookEndpointWithSecret = z.output<typeof WebhookEndpointWithSecret>;

export const WebhookEndpointPage = z.object({
  data: z.array(WebhookEndpointEntry),
  nextCursor: z.string().nullable(),
  isolation: Isolation,
});
export type WebhookEndpointPage = z.output<typeof WebhookEndpointPage>;

export const DeletedWebhookEndpoint = z.object({ id: z.uuid(), isolation: Isolation });
export type DeletedWebhookEndpoint = z.output<typeof DeletedWebhookEndpoint>;
