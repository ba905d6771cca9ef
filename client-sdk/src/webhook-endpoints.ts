import { type CallOptions, type CreateOptions, runMutation, runQuery } from "./call.ts";
import type { WorkspacesWebhooksCalls, WorkspacesWebhooksEndpointsCalls } from "./generated/calls.ts";
import type {
  CreateWebhookEndpointInput,
  DeletedWebhookEndpoint,
  EndpointDelivery,
  EndpointDeliveryPage,
  ListDeliveriesInput,
  ListWebhookEndpointsInput,
  QueuedDelivery,
  UpdateWebhookEndpointInput,
  WebhookEndpoint,
  WebhookEndpointEntry,
  WebhookEndpointPage,
  WebhookEndpointWithSecret,
} from "./generated/schemas.ts";
import { keyed } from "./idempotency-key.ts";
import { listPages, type PageRequest } from "./page-request.ts";
import { type MethodsFor, type OfWorkspace, Resource } from "./resource.ts";

export type NewWebhookEndpoint = Omit<CreateWebhookEndpointInput, "workspaceId">;
export type WebhookEndpointChanges = Omit<UpdateWebhookEndpointInput, "workspaceId" | "endpointId">;
export type WebhookEndpointFilters = Omit<ListWebhookEndpointsInput, "workspaceId">;
export type DeliveryFilters = Omit<ListDeliveriesInput, "workspaceId" | "endpointId">;

/** Where one workspace's events are sent to, for its admins. */
export class WorkspaceWebhooks implements MethodsFor<WorkspacesWebhooksCalls> {
  readonly endpoints: WebhookEndpoints;

  constructor(calls: WorkspacesWebhooksCalls, owner: OfWorkspace) {
    this.endpoints = new WebhookEndpoints(calls.endpoints, owner);
  }
}

export class WebhookEndpoints
  extends Resource<WorkspacesWebhooksEndpointsCalls, OfWorkspace>
  implements MethodsFor<WorkspacesWebhooksEndpointsCalls>
{
  /** Registers an endpoint. Its secret is in this answer and in no later one; `verify` of the webhooks entry checks with it. */
  create(endpoint: NewWebhookEndpoint, options: CreateOptions = {}): Promise<WebhookEndpointWithSecret> {
    const input = { ...endpoint, ...this.owner };
    return runMutation(this.calls.create, input, keyed(options));
  }

  /** The endpoints: awaited, one page; iterated, all of them. */
  list(filters: WebhookEndpointFilters = {}, options: CallOptions = {}): PageRequest<WebhookEndpointEntry, WebhookEndpointPage> {
    return listPages(this.calls.list, { ...filters, ...this.owner }, options);
  }

  get(endpointId: string, options: CallOptions = {}): Promise<WebhookEndpoint> {
    return runQuery(this.calls.get, this.#ref(endpointId), options);
  }

  /** Changes the given fields; `isEnabled: true` also forgets that it was failing. */
  update(endpointId: string, changes: WebhookEndpointChanges, options: CallOptions = {}): Promise<WebhookEndpoint> {
    return runMutation(this.calls.update, { ...changes, ...this.#ref(endpointId) }, options);
  }

  delete(endpointId: string, options: CallOptions = {}): Promise<DeletedWebhookEndpoint> {
    return runMutation(this.calls.delete, this.#ref(endpointId), options);
  }

  /** Another secret, in this answer and in no later one; for a day the one before signs too. */
  rotateSecret(endpointId: string, options: CallOptions = {}): Promise<WebhookEndpointWithSecret> {
    return runMutation(this.calls.rotateSecret, this.#ref(endpointId), options);
  }

  /** What was sent to it, newest first, with every try: awaited, one page; iterated, all that is kept. */
  deliveries(
    endpointId: string,
    filters: DeliveryFilters = {},
    options: CallOptions = {},
  ): PageRequest<EndpointDelivery, EndpointDeliveryPage> {
    return listPages(this.calls.deliveries, { ...filters, ...this.#ref(endpointId) }, options);
  }

  /** Sends a delivery once more, or now where it waits for its next try. */
  redeliver(endpointId: string, deliveryId: string, options: CallOptions = {}): Promise<QueuedDelivery> {
    return runMutation(this.calls.redeliver, { ...this.#ref(endpointId), deliveryId }, options);
  }

  /** Sends an event that says nothing. */
  test(endpointId: string, options: CallOptions = {}): Promise<QueuedDelivery> {
    return runMutation(this.calls.test, this.#ref(endpointId), options);
  }

  #ref(endpointId: string) {
    return { ...this.owner, endpointId };
  }
}
