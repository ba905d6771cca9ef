import { Answer, readAnswer } from "./answer.ts";
import type { TrpcCallContext } from "./call.ts";
import { type ConnectedOptions, callLimits, type FetchInit, type FetchLike } from "./client-options.ts";
import { type Deadline, openDeadline } from "./deadline.ts";
import { ConnectionError } from "./error-classes.ts";
import type { Ports } from "./ports.ts";
import { requestHeaders } from "./request-headers.ts";
import { backoffMs, isRetryable } from "./retry.ts";

/** A request as it goes to fetch, but for the headers that each try is given. */
export interface PreparedRequest {
  url: string;
  method: string;
  headers: Record<string, string>;
  body?: string | undefined;
  signal: AbortSignal | undefined;
}

/** One call of one procedure. */
export interface Call extends TrpcCallContext {
  type: "query" | "mutation" | "subscription";
}

/**
 * Sends a call's request, again where that is safe, until it is answered or its time is up.
 *
 * @throws SimParlantError where there was no answer in time, or one that is not tRPC's; what the caller's functions throw
 */
export async function sendCall(client: ConnectedOptions, ports: Ports, call: Call, request: PreparedRequest): Promise<Answer> {
  const { timeoutMs, retries } = callLimits(client, call);
  const isRepeatable = call.type !== "mutation" || call.idempotencyKey !== undefined;
  const endsAt = ports.now() + timeoutMs;
  const deadline = openDeadline(timeoutMs, request.signal);
  const attemptNext = () => attemptCall(client, ports, call, request, deadline);
  try {
    for (let attempt = 0; ; attempt += 1) {
      let outcome = await attemptNext();
      // Nothing was done: an access token ended before its time was up, and a new one may do.
      if (client.onRefused && attempt === 0 && isUnauthorized(outcome)) outcome = await attemptNext();
      const { error } = outcome;
      const waitMs =
        error && attempt < retries && isRetryable(error, isRepeatable)
          ? backoffMs(attempt, error.retryAfterMs, ports.random)
          : null;
      if (waitMs !== null && ports.now() + waitMs < endsAt) await ports.wait(waitMs, deadline.signal);
      else if (error && !outcome.isTrpc) throw error;
      else return outcome;
    }
  } finally {
    deadline.close();
  }
}

/** One try: the answer, or in its stead the error of a connection that did not bring one. */
async function attemptCall(
  client: ConnectedOptions,
  ports: Ports,
  call: Call,
  request: PreparedRequest,
  deadline: Deadline,
): Promise<Answer> {
  if (deadline.signal.aborted) throw deadline.signal.reason;
  const headers = await deadline.race(requestHeaders(client, call, request.headers));
  const isByCookie = client.apiKey === undefined && client.token === undefined;
  const init: FetchInit = {
    method: request.method,
    headers,
    ...(request.body !== undefined && { body: request.body }),
    signal: deadline.signal,
    // A redirect followed to another host would take the API key along.
    redirect: "manual",
    ...(isByCookie && { credentials: "include" }),
  };
  const send: FetchLike = client.fetch ?? ((url, sent) => globalThis.fetch(url, sent));
  try {
    const outcome = await deadline.race(send(request.url, init).then((response) => readAnswer(response, ports.now())));
    if (isUnauthorized(outcome)) client.onRefused?.(headers["authorization"]);
    return outcome;
  } catch (cause) {
    if (deadline.signal.aborted) throw deadline.signal.reason;
    return new Answer(null, false, new ConnectionError("The server could not be reached, or the connection broke", { cause }));
  }
}

function isUnauthorized({ error }: Answer): boolean {
  return error?.code === "UNAUTHORIZED";
}
