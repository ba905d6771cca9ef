import { type Answer, type FetchResponse, readAnswer } from "./answer.ts";
import { type Call, type Ports, sendAndRead } from "./call-fetch.ts";
import type { ConnectedOptions } from "./client-options.ts";
import { ConnectionError, InvalidResponseError } from "./error-classes.ts";
import { readServerSentEvents } from "./server-sent-events.ts";

type Listener = (event: object) => void;

/** How the request of a stream is sent. */
export interface StreamSender {
  client: ConnectedOptions;
  ports: Ports;
  call: Call;
}

interface OpenStream {
  error: null;
  isTrpc: true;
  body: ReadableStream<Uint8Array>;
}

/**
 * What tRPC asks of an EventSource, over fetch: it sends the credential as a header, which the platform's own cannot,
 * and never as part of the URL. It connects once, with the repetitions of a call; its end is its subscriber's to mend.
 */
export class FetchEventSource {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSED = 2;
  readyState: number = this.CONNECTING;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #closing = new AbortController();

  constructor(url: string, sender: StreamSender) {
    void this.#run(url, sender);
  }

  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener);
  }

  close(): void {
    this.readyState = this.CLOSED;
    this.#closing.abort();
  }

  async #run(url: string, sender: StreamSender): Promise<void> {
    const { signal } = this.#closing;
    try {
      const body = await openStream(url, sender, signal);
      if (signal.aborted) return void (await body.cancel());
      this.readyState = this.OPEN;
      for await (const { type, ...event } of readServerSentEvents(body, signal)) this.#dispatch(type, event);
      throw new ConnectionError("The stream ended");
    } catch (error) {
      // Closed by its subscriber: nothing failed, and nobody listens.
      if (this.readyState === this.CLOSED) return;
      this.readyState = this.CLOSED;
      this.#dispatch("error", asError(error));
    }
  }

  #dispatch(type: string, event: object): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}

async function openStream(
  url: string,
  { client, ports, call }: StreamSender,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
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
function asError(error: unknown): object {
  const isOfFetch = error instanceof TypeError || (error instanceof Error && error.name === "AbortError");
  if (isOfFetch) return new ConnectionError("The connection of the stream broke", { cause: error });
  return error instanceof Error ? error : new ConnectionError("The stream broke", { cause: error });
}
