import { createTRPCClient, type Operation, type TRPCClient, type TRPCLink } from "@trpc/client";
import { httpLink } from "@trpc/client/links/httpLink";
import type { TrpcCallContext } from "./call.ts";
import { type Call, sendCall } from "./call-fetch.ts";
import { type ConnectedOptions, trpcUrl } from "./client-options.ts";
import type { Ports } from "./ports.ts";
import type { SimRouter } from "./sim-router.ts";
import { openStream } from "./stream-call.ts";
import { TRANSFORMER } from "./transformer.ts";

const LONGEST_INPUT_IN_URL = 1_500;

/**
 * A tRPC client whose calls are each one HTTP request of their own: so each has its own status, request id, idempotency
 * key and end. tRPC's batches cannot be aborted call by call.
 */
export function createTrpc(client: ConnectedOptions, ports: Ports): TRPCClient<SimRouter> {
  const url = trpcUrl(client.baseUrl);
  const link: TRPCLink<SimRouter> = (runtime) => (next) => {
    const call = callOf(next.op);
    if (call.type === "subscription") return openStream({ client, ports, call, operation: next.op });
    // A link for the call, because tRPC does not tell fetch which call it is for.
    const ownLink = httpLink<SimRouter>({
      url,
      ...(isTooLong(next.op) && { methodOverride: "POST" as const }),
      transformer: TRANSFORMER,
      fetch: (target, init) =>
        sendCall(client, ports, call, {
          url: String(target),
          method: init?.method ?? "GET",
          headers: (init?.headers ?? {}) as Record<string, string>,
          body: typeof init?.body === "string" ? init.body : undefined,
          signal: init?.signal ?? undefined,
        }),
    });
    return ownLink(runtime)(next);
  };
  return createTRPCClient<SimRouter>({ links: [link] });
}

/** Proxies cut URLs off, the usual ones at 8 KiB; a query that would come near is sent as a body. */
function isTooLong({ type, input }: Operation): boolean {
  return type === "query" && (JSON.stringify(input)?.length ?? 0) > LONGEST_INPUT_IN_URL;
}

function callOf({ type, context }: Operation): Call {
  return { ...(context as TrpcCallContext), type };
}
