import { type Operation, type OperationLink, TRPCClientError } from "@trpc/client";
import { observable } from "@trpc/server/observable";
import { type Call, type PreparedRequest, sendCall } from "./call-fetch.ts";
import type { ConnectedOptions } from "./client-options.ts";
import type { Ports } from "./ports.ts";
import type { SimRouter } from "./sim-router.ts";
import { packInput, unpack } from "./transformer.ts";

const LONGEST_INPUT_IN_URL = 1_500;

/** One operation of tRPC's, and all that it is sent with. */
export interface TrpcRequest {
  client: ConnectedOptions;
  ports: Ports;
  /** The server's tRPC endpoint. */
  url: string;
  call: Call;
  operation: Operation;
}

/** How an operation is sent. Source: tRPC's HTTP RPC specification. */
export function toHttp({ url: endpoint, call, operation }: TrpcRequest, signal?: AbortSignal | null): PreparedRequest {
  const url = `${endpoint}/${operation.path}`;
  const input = packInput(operation.input);
  // Proxies cut URLs off, the usual ones at 8 KiB; a query that would come near is sent as a body.
  const isPost = call.type === "mutation" || (call.type === "query" && input.length > LONGEST_INPUT_IN_URL);
  return {
    ...(isPost
      ? { url, method: "POST", headers: { "content-type": "application/json" }, body: input }
      : { url: `${url}?input=${encodeURIComponent(input)}`, method: "GET", headers: {} }),
    signal: signal ?? undefined,
  };
}

/** What a query or a mutation is answered with. */
export function openCall(request: TrpcRequest): ReturnType<OperationLink<SimRouter>> {
  return observable((observer) => {
    askOnce(request).then(
      (data) => {
        observer.next({ result: { type: "data", data } });
        observer.complete();
      },
      (error: unknown) => observer.error(TRPCClientError.from(error as Error)),
    );
  });
}

/** @throws TRPCClientError with the answer, where it is the procedure's own error; otherwise what sendCall throws */
async function askOnce(request: TrpcRequest): Promise<unknown> {
  const { client, ports, call, operation } = request;
  const answer = await sendCall(client, ports, call, toHttp(request, operation.signal));
  // Nobody reads a stream that was not asked for.
  await answer.stream?.cancel();
  const body = (await answer.json()) as { error?: unknown; result: { data: unknown } };
  if (answer.error) throw TRPCClientError.from(procedureError(body), { meta: { response: answer, responseJSON: body } });
  return unpack(() => body.result.data);
}

/** The error as tRPC has it; what the answer says of it by itself stands also where it cannot be unpacked. */
function procedureError(body: { error?: unknown }): Error | { error: never } {
  try {
    return { error: unpack(() => body.error) as never };
  } catch (cause) {
    return cause as Error;
  }
}
