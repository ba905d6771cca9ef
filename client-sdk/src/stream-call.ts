import { type Operation, type OperationLink, TRPCClientError } from "@trpc/client";
import { observable } from "@trpc/server/observable";
import { type Call, sendCall } from "./call-fetch.ts";
import { type ConnectedOptions, trpcUrl } from "./client-options.ts";
import { ConnectionError, InvalidResponseError, TimeoutError } from "./error-classes.ts";
import type { Ports } from "./ports.ts";
import { readServerSentEvents } from "./server-sent-events.ts";
import type { SimRouter } from "./sim-router.ts";
import { TRANSFORMER } from "./transformer.ts";

/** How long a stream may be silent that has not said how long; its first word is said at once. */
const SILENCE_MS = 30_000;
const BROKEN = "The stream broke";

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

/**
 * Passes on what comes until the server ends it.
 *
 * @throws TimeoutError where it never began: something on the way holds it back; ConnectionError where it broke or was
 * silent for too long, since the server speaks from time to time; what the server ended it with
 */
async function follow(request: StreamRequest, connection: AbortController, listener: StreamListener): Promise<void> {
  const body = await openBody(request, connection.signal);
  /** Undefined until the server has begun. */
  let silenceMs: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(() => connection.abort(), silenceMs ?? SILENCE_MS);
  };
  listen();
  try {
    for await (const { type, data, id } of readServerSentEvents(body, connection.signal)) {
      if (type === "return") return;
      if (type === "connected") {
        ({ reconnectAfterInactivityMs: silenceMs = SILENCE_MS } = JSON.parse(data) as { reconnectAfterInactivityMs?: number });
        listener.next({ result: { type: "started" } });
      }
      const tell = () => TRANSFORMER.output.deserialize(JSON.parse(data));
      if (type === "serialized-error") throw TRPCClientError.from({ error: tell() });
      if (type === "message") listener.next({ result: { type: "data", data: { id, data: tell() } } });
      listen();
    }
  } finally {
    clearTimeout(timer);
  }
  throw silenceMs ? new ConnectionError(BROKEN) : new TimeoutError(BROKEN);
}

async function openBody(
  { client, ports, call, operation }: StreamRequest,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const input = encodeURIComponent(JSON.stringify(TRANSFORMER.input.serialize(operation.input)));
  const url = `${trpcUrl(client.baseUrl)}/${operation.path}?input=${input}`;
  const request = { url, method: "GET", headers: { accept: "text/event-stream" }, signal };
  const { error, stream } = await sendCall(client, ports, call, request);
  if (stream) return stream;
  throw error ?? new InvalidResponseError("The server's answer could not be read");
}

/** What fetch throws where a connection breaks is no error of ours. */
function toError(error: unknown): Error {
  const isOurs = error instanceof Error && !(error instanceof TypeError) && error.name !== "AbortError";
  return isOurs ? error : new ConnectionError(BROKEN, { cause: error });
}
