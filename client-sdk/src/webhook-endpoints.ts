import { type CallOptions, type CreateOptions, invoke } from "./call.ts";
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
import { newIdempotencyKey } from "./idempotency-key.ts";
import { PageRequest } from "./page-request.ts";
import type { MethodsFor } from "./resource.ts";

export type NewWebhookEndpoint = Omit<CreateWebhookEndpointInput, "workspaceId">;
export type WebhookEndpointChanges = Omit<UpdateWebhookEndpointInput, "workspaceId" | "endpointId">;
export type WebhookEndpointFilters = Omit<ListWebhookEndpointsInput, "workspaceId">;
export type DeliveryFilters = Omit<ListDeliveriesInput, "workspaceId" | "endpointId">;

/** Where one workspace's events are sent to, for its admins. */
export class WorkspaceWebhooks implements MethodsFor<WorkspacesWebhooksCalls> {
  readonly endpoints: WebhookEndpoints;

  constructor(calls: WorkspacesWebhooksCalls, workspaceId: string) {
    this.endpoints = new WebhookEndpoints(calls.endpoints, workspaceId);
  }
}

export class WebhookEndpoints implements MethodsFor<WorkspacesWebhooksEndpointsCalls> {
  readonly #calls: WorkspacesWebhooksEndpointsCalls;
  readonly #workspaceId: string;

  constructor(calls: WorkspacesWebhooksEndpointsCalls, workspaceId: string) {
    this.#calls = calls;
    this.#workspaceId = workspaceId;
  }

  /** Registers an endpoint. Its secret is in this answer and in no later one; `verify` of the webhooks entry checks with it. */
  create(endpoint: NewWebhookEndpoint, options: CreateOptions = {}): Promise<WebhookEndpointWithSecret> {
    const input = { ...endpoint, workspaceId: this.#workspaceId };
    const idempotencyKey = options.idempotencyKey ?? newIdempotencyKey();
    return invoke({ ...options, idempotencyKey }, (call) => this.#calls.create.mutate(input, call));
  }

  /** The endpoints: awaited, one page; iterated, all of them. */
  list(filters: WebhookEndpointFilters = {}, options: CallOptions = {}): PageRequest<WebhookEndpointEntry, WebhookEndpointPage> {
    return new PageRequest((cursor) => {
      const input = { ...filters, cursor, workspaceId: this.#workspaceId };
      return invoke(options, (call) => this.#calls.list.query(input, call));
    }, filters.cursor);
  }

  get(endpointId: string, options: CallOptions = {}): Promise<WebhookEndpoint> {
    return invoke(options, (call) => this.#calls.get.query(this.#ref(endpointId), call));
  }

  /** Changes the given fields; `isEnabled: true` also forgets that it was failing. */
  update(endpointId: string, changes: WebhookEndpointChanges, options: CallOptions = {}): Promise<WebhookEndpoint> {
    return invoke(options, (call) => this.#calls.update.mutate({ ...changes, ...this.#ref(endpointId) }, call));
  }

  delete(endpointId: string, options: CallOptions = {}): Promise<DeletedWebhookEndpoint> {
    return invoke(options, (call) => this.#calls.delete.mutate(this.#ref(endpointId), call));
  }

  /** Another secret, in this answer and in no later one; for a day the one before signs too. */
  rotateSecret(endpointId: string, options: CallOptions = {}): Promise<WebhookEndpointWithSecret> {
    return invoke(options, (call) => this.#calls.rotateSecret.mutate(this.#ref(endpointId), call));
  }

  /** What was sent to it, newest first, with every try: awaited, one page; iterated, all that is kept. */
  deliveries(
    endpointId: string,
    filters: DeliveryFilters = {},
    options: CallOptions = {},
  ): PageRequest<EndpointDelivery, EndpointDeliveryPage> {
    return new PageRequest((cursor) => {
      const input = { ...filters, cursor, ...this.#ref(endpointId) };
      return invoke(options, (call) => this.#calls.deliveries.query(input, call));
    }, filters.cursor);
  }

  /** Sends a delivery once more, or now where it waits for its next try. */
  redeliver(endpointId: string, deliveryId: string, options: CallOptions = {}): Promise<QueuedDelivery> {
    return invoke(options, (call) => this.#calls.redeliver.mutate({ ...this.#ref(endpointId), deliveryId }, call));
  }

  /** Sends an event that says nothing. */
  test(endpointId: string, options: CallOptions = {}): Promise<QueuedDelivery> {
    return invoke(options, (call) => this.#calls.test.mutate(this.#ref(endpointId), call));
  }

  #ref(endpointId: string) {
    return { workspaceId: this.#workspaceId, endpointId };
  }
}
