import { type Operation, type OperationLink, TRPCClientError } from "@trpc/client";
import { observable } from "@trpc/server/observable";
import { type Answer, type FetchResponse, readAnswer } from "./answer.ts";
import { type Call, sendAndRead } from "./call-fetch.ts";
import { type ConnectedOptions, trpcUrl } from "./client-options.ts";
import { ConnectionError, InvalidResponseError } from "./error-classes.ts";
import type { Ports } from "./ports.ts";
import { readServerSentEvents } from "./server-sent-events.ts";
import type { SimRouter } from "./sim-router.ts";
import { TRANSFORMER } from "./transformer.ts";

interface StreamRequest {
  client: ConnectedOptions;
  ports: Ports;
  call: Call;
  operation: Operation;
}

/** What is passed on of a stream. */
interface StreamListener {
  next(told: { result: { type: "started" } | { type: "data"; data: unknown } }): void;
}

/**
 * What a subscription tells, read over fetch: so the credential goes in a header and never in the URL. It connects once,
 * with the repetitions of a call; its end is its subscriber's to mend. tRPC's own link for this would add more than a
 * quarter to what a page loads.
 */
export function openStream(request: StreamRequest): ReturnType<OperationLink<SimRouter>> {
  return observable((observer) => {
    const connection = new AbortController();
    let isLeft = false;
    const leave = () => {
      isLeft = true;
      connection.abort();
    };
    const { signal } = request.operation;
    if (signal?.aborted) leave();
    signal?.addEventListener("abort", leave);
    follow(request, connection, observer)
      .catch((error: unknown) => {
        // Left by its subscriber, nothing failed.
        if (!isLeft) observer.error(TRPCClientError.from(toError(error)));
      })
      .finally(() => {
        signal?.removeEventListener("abort", leave);
        observer.complete();
      });
    return leave;
  });
}

/** Passes on what comes until the server ends it. @throws whatever else ends it; a connection that is silent for too long is gone */
async function follow(request: StreamRequest, connection: AbortController, listener: StreamListener): Promise<void> {
  let silenceMs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for await (const { type, data, id } of readServerSentEvents(await openBody(request, connection.signal), connection.signal)) {
      if (type === "return") return;
      if (type === "connected") {
        silenceMs = (JSON.parse(data) as { reconnectAfterInactivityMs?: number }).reconnectAfterInactivityMs ?? 0;
        listener.next({ result: { type: "started" } });
      } else if (type !== "ping") {
        const told = TRANSFORMER.output.deserialize(JSON.parse(data));
        if (type !== "message") throw TRPCClientError.from({ error: told });
        listener.next({ result: { type: "data", data: { id, data: told } } });
      }
      clearTimeout(timer);
      if (silenceMs > 0) timer = setTimeout(() => connection.abort(), silenceMs);
    }
  } finally {
    clearTimeout(timer);
  }
  throw new ConnectionError("The stream ended");
}

interface OpenStream {
  error: null;
  isTrpc: true;
  body: ReadableStream<Uint8Array>;
}

async function openBody(
  { client, ports, call, operation }: StreamRequest,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const input = encodeURIComponent(JSON.stringify(TRANSFORMER.input.serialize(operation.input)));
  const url = `${trpcUrl(client.baseUrl)}/${operation.path}?input=${input}`;
  const request = { url, method: "GET", headers: { accept: "text/event-stream" }, body: undefined, signal };
  const read = async (response: FetchResponse): Promise<OpenStream | Answer> => {
    const { status, headers, body } = response;
    const isStream = status === 200 && headers.get("content-type")?.includes("text/event-stream");
    return isStream && body ? { error: null, isTrpc: true, body } : readAnswer(response, ports.now());
  };
  const opened = await sendAndRead(client, ports, call, request, read);
  if ("body" in opened) return opened.body;
  throw opened.error ?? new InvalidResponseError("The answer is no stream");
}

/** What fetch throws where a connection breaks is no error of ours. */
function toError(error: unknown): Error {
  const isOurs = error instanceof Error && !(error instanceof TypeError) && error.name !== "AbortError";
  return isOurs ? error : new ConnectionError("The connection of the stream broke", { cause: error });
}
