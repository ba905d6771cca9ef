import type { CallOptions } from "./call.ts";
import { type ClientOptions, callLimits } from "./client-options.ts";
import { waitFor } from "./deadline.ts";
import type { RootCalls } from "./generated/calls.ts";
import type { IntegrationHealth } from "./generated/schemas.ts";
import { Organization } from "./organization.ts";
import type { Ports } from "./ports.ts";
import { SimIntegration } from "./sim-integration.ts";
import { createTrpc } from "./trpc-client.ts";
import { Workspace } from "./workspace.ts";

/** The server, as one caller. */
export interface SimClient {
  /** The workspace's resources; nothing is sent. */
  workspace(id: string): Workspace;
  /** What is asked of an organization as a whole; nothing is sent. */
  organization(id: string): Organization;
  /** Whether the server and Sim's database work together; needs no credential. */
  health(options?: CallOptions): Promise<IntegrationHealth>;
  /** Every procedure by its path, e.g. `trpc.workspaces.agents.list.query(…)`; it throws tRPC's own errors. */
  readonly trpc: RootCalls;
  /** What Sim's backend and administrators ask of the server as a whole. */
  readonly integration: SimIntegration;
}

const PORTS: Ports = { now: Date.now, random: Math.random, wait: waitFor };

/**
 * A client of the server at `baseUrl`, with an API key, a token, or the browser's cookies.
 *
 * @throws TypeError where an option is not usable
 */
export function createClient(options: ClientOptions): SimClient {
  return createClientWith(PORTS, options);
}

/** createClient under another clock. */
export function createClientWith(ports: Ports, options: ClientOptions): SimClient {
  const { apiKey, token, exchange } = options;
  if ([apiKey, token, exchange].filter((one) => one !== undefined).length > 1) {
    throw new TypeError("Give one of apiKey, token and exchange");
  }
  callLimits(options, {});
  const trpc: RootCalls = createTrpc(exchange ? exchange(ports, options) : options, ports);
  const integration = new SimIntegration(trpc.simIntegration);
  return {
    workspace: (id) => new Workspace(trpc.workspaces, id, ports),
    organization: (id) => new Organization(trpc.organizations, id),
    health: (callOptions) => integration.health(callOptions),
    integration,
    trpc,
  };
}
