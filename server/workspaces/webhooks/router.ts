import { workspaceProcedure } from "../../trpc/procedures.ts";
import { createEndpoint } from "./create-endpoint.ts";
import { deleteEndpoint } from "./delete-endpoint.ts";
import { EndpointDeliveryPage, EndpointDeliveryRef, ListDeliveriesInput, QueuedDelivery } from "./delivery-schemas.ts";
import { loadEndpoint, toEndpoint } from "./endpoint-row.ts";
import { listDeliveries } from "./list-deliveries.ts";
import { listEndpoints } from "./list-endpoints.ts";
import { redeliver } from "./redeliver.ts";
import { rotateSecret } from "./rotate-secret.ts";
import {
  CreateWebhookEndpointInput,
  DeletedWebhookEndpoint,
  ListWebhookEndpointsInput,
  UpdateWebhookEndpointInput,
  WebhookEndpoint,
  WebhookEndpointPage,
  WebhookEndpointRef,
  WebhookEndpointWithSecret,
} from "./schemas.ts";
import { testEndpoint } from "./test-endpoint.ts";
import { updateEndpoint } from "./update-endpoint.ts";

const endpointsRouter = {
  create: workspaceProcedure("endpoint:create", "Registers an endpoint for the workspace's events; its secret is told this once.")
    .input(CreateWebhookEndpointInput)
    .output(WebhookEndpointWithSecret)
    .mutation(({ ctx, input }) => createEndpoint(ctx, input)),

  list: workspaceProcedure("endpoint:list", "Lists the workspace's endpoints.")
    .input(ListWebhookEndpointsInput)
    .output(WebhookEndpointPage)
    .query(({ ctx, input }) => listEndpoints(ctx, input)),

  get: workspaceProcedure("endpoint:get", "Returns one endpoint.")
    .input(WebhookEndpointRef)
    .output(WebhookEndpoint)
    .query(async ({ ctx, input }) => toEndpoint(await loadEndpoint(ctx, input.endpointId))),

  update: workspaceProcedure("endpoint:update", "Changes the given fields of an endpoint, or disables or enables it.")
    .input(UpdateWebhookEndpointInput)
    .output(WebhookEndpoint)
    .mutation(({ ctx, input }) => updateEndpoint(ctx, input)),

  delete: workspaceProcedure("endpoint:delete", "Deletes an endpoint for good, with its log of deliveries.")
    .input(WebhookEndpointRef)
    .output(DeletedWebhookEndpoint)
    .mutation(({ ctx, input }) => deleteEndpoint(ctx, input)),

  rotateSecret: workspaceProcedure("endpoint:rotate", "Gives an endpoint another secret, told this once; for a day both sign.")
    .input(WebhookEndpointRef)
    .output(WebhookEndpointWithSecret)
    .mutation(({ ctx, input }) => rotateSecret(ctx, input)),

  deliveries: workspaceProcedure("endpoint:deliveries", "Lists what was sent to an endpoint, newest first, with every try.")
    .input(ListDeliveriesInput)
    .output(EndpointDeliveryPage)
    .query(({ ctx, input }) => listDeliveries(ctx, input)),

  redeliver: workspaceProcedure("endpoint:redeliver", "Sends a delivery once more, or now if it waits, under its webhook-id.")
    .input(EndpointDeliveryRef)
    .output(QueuedDelivery)
    .mutation(({ ctx, input }) => redeliver(ctx, input)),

  test: workspaceProcedure("endpoint:test", "Sends an endpoint an event that says nothing, to see whether it is taken.")
    .input(WebhookEndpointRef)
    .output(QueuedDelivery)
    .mutation(({ ctx, input }) => testEndpoint(ctx, input)),
};

export const webhooksRouter = { endpoints: endpointsRouter };
