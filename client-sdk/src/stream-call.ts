import { type OperationLink, TRPCClientError } from "@trpc/client";
import { observable } from "@trpc/server/observable";
import { sendCall } from "./call-fetch.ts";
import { ConnectionError, InvalidResponseError, TimeoutError } from "./error-classes.ts";
import { readServerSentEvents } from "./server-sent-events.ts";
import type { SimRouter } from "./sim-router.ts";
import { unpack } from "./transformer.ts";
import { type TrpcRequest, toHttp } from "./trpc-request.ts";

/** How long a stream may be silent that has not said how long; its first word is said at once. */
const SILENCE_MS = 30_000;
const BROKEN = "The stream broke";

/** What is passed on of a stream. */
interface StreamListener {
  next(told: { result: { type: "started" } | { type: "data"; data: unknown } }): void;
}

/**
 * What a subscription tells, read over fetch: so the credential goes in a header and never in the URL. It connects once,
 * with the repetitions of a call; its end is its subscriber's to mend. tRPC's own link for this would add more than a
 * quarter to what a page loads.
 */
export function openStream(request: TrpcRequest): ReturnType<OperationLink<SimRouter>> {
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
 * @throws TimeoutError where it never began, or was silent for too long, since the server speaks from time to time: something
 * on the way holds it back; ConnectionError where it broke; InvalidResponseError where it cannot be read; what the
 * server ended it with
 */
async function follow(request: TrpcRequest, connection: AbortController, listener: StreamListener): Promise<void> {
  const body = await openBody(request, connection.signal);
  /** Undefined until the server has begun. */
  let silenceMs: number | undefined;
  let isSilent = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      isSilent = true;
      connection.abort();
    }, silenceMs ?? SILENCE_MS);
  };
  listen();
  try {
    for await (const { type, data, id } of readServerSentEvents(body, connection.signal)) {
      if (connection.signal.aborted) break;
      if (type === "return") return;
      if (type === "connected") {
        const told = unpack(() => ({ json: JSON.parse(data) })) as { reconnectAfterInactivityMs?: number } | null;
        silenceMs = told?.reconnectAfterInactivityMs ?? SILENCE_MS;
        listener.next({ result: { type: "started" } });
      }
      const tell = () => unpack(() => JSON.parse(data));
      if (type === "serialized-error") throw TRPCClientError.from({ error: tell() } as { error: never });
      if (type === "message") listener.next({ result: { type: "data", data: { id, data: tell() } } });
      listen();
    }
  } finally {
    clearTimeout(timer);
  }
  throw silenceMs && !isSilent ? new ConnectionError(BROKEN) : new TimeoutError(BROKEN);
}

async function openBody(request: TrpcRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const { client, ports, call } = request;
  const http = toHttp(request, signal);
  const { error, stream } = await sendCall(client, ports, call, { ...http, headers: { accept: "text/event-stream" } });
  if (stream) return stream;
  throw error ?? new InvalidResponseError("The server does not stream");
}

/** What fetch throws where a connection breaks is no error of ours. */
function toError(error: unknown): Error {
  const isOurs = error instanceof Error && !(error instanceof TypeError) && error.name !== "AbortError";
  return isOurs ? error : new ConnectionError(BROKEN, { cause: error });
}
