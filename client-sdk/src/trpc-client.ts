import { createTRPCClient, type TRPCClient, type TRPCLink } from "@trpc/client";
import type { TrpcCallContext } from "./call.ts";
import { type ConnectedOptions, trpcUrl } from "./client-options.ts";
import type { Ports } from "./ports.ts";
import type { SimRouter } from "./sim-router.ts";
import { openStream } from "./stream-call.ts";
import { openCall } from "./trpc-request.ts";

/**
 * A tRPC client whose calls are each one HTTP request of their own: so each has its own status, request id, idempotency
 * key and end. tRPC's batches cannot be aborted call by call, and its links do not tell fetch which call it is for.
 *
 * @throws TypeError where baseUrl is no address
 */
export function createTrpc(client: ConnectedOptions, ports: Ports): TRPCClient<SimRouter> {
  const url = trpcUrl(client.baseUrl);
  const link: TRPCLink<SimRouter> =
    () =>
    ({ op: operation }) => {
      const { context, type } = operation;
      const request = { client, ports, url, call: { ...(context as TrpcCallContext), type }, operation };
      return type === "subscription" ? openStream(request) : openCall(request);
    };
  return createTRPCClient<SimRouter>({ links: [link] });
}
