import { createError, isErrorCode } from "./error-classes.ts";
import { type SimErrorCode, type SimErrorDetails, type SimErrorFacts, SimParlantError } from "./errors.ts";
import { parseRetryAfter } from "./retry.ts";

const CODE_OF_STATUS: Record<number, SimErrorCode> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  408: "TIMEOUT",
  409: "CONFLICT",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  429: "RATE_LIMITED",
  502: "SERVICE_UNAVAILABLE",
  503: "SERVICE_UNAVAILABLE",
  504: "SERVICE_UNAVAILABLE",
};

/** As much of a Response as is read here; a test or another runtime may bring its own. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
  /** What a stream is read from; without it, what would be streamed is polled for. */
  readonly body?: ReadableStream<Uint8Array> | null;
}

/** What came back, read to its end where it is no stream. tRPC takes it for the response and keeps it on its error. */
export class Answer {
  readonly ok: boolean;
  /** The failure that it reports; null for a success. */
  readonly error: SimParlantError | null;
  /** Whether tRPC can read it; anything else came from before the procedure, or from another server. */
  readonly isTrpc: boolean;
  /** Where the server has begun to stream. */
  readonly stream: ReadableStream<Uint8Array> | null;
  readonly #body: unknown;

  constructor(body: unknown, isTrpc: boolean, error: SimParlantError | null, stream: ReadableStream<Uint8Array> | null = null) {
    this.#body = body;
    this.isTrpc = isTrpc;
    this.error = error;
    this.stream = stream;
    this.ok = error === null;
  }

  async json(): Promise<unknown> {
    return this.#body;
  }
}

/** Reads a response; whatever it holds, the answer is a result or an error of ours. */
export async function readAnswer(response: FetchResponse, now: number): Promise<Answer> {
  const { status, headers } = response;
  if (status === 200 && response.body && headers.get("content-type")?.startsWith("text/event-stream")) {
    return new Answer(null, true, null, response.body);
  }
  const body = parseJson(await response.text());
  const facts: SimErrorFacts = {
    // An opaque redirect of a browser has the status 0.
    status: status === 0 ? undefined : status,
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfterMs: parseRetryAfter(headers.get("retry-after"), now),
  };
  if (isObject(body)) {
    if (status >= 200 && status < 300 && "result" in body) return new Answer(body, true, null);
    const trpcError = field(field(body, "error"), "json");
    if (isObject(trpcError)) return new Answer(body, true, toError(field(trpcError, "data"), trpcError["message"], facts));
    const restError = field(body, "error");
    if (isObject(restError)) {
      return new Answer(body, false, toError({ ...restError, requestId: body["requestId"] }, restError["message"], facts));
    }
  }
  return new Answer(body, false, foreignAnswer(status, facts));
}

/** The error of ours inside of what tRPC threw. */
export function findSimError(error: unknown): SimParlantError | undefined {
  if (SimParlantError.is(error)) return error;
  const response = field(field(error, "meta"), "response");
  if (response instanceof Answer && response.error) return response.error;
  const cause = field(error, "cause");
  if (SimParlantError.is(cause)) return cause;
  // Told in the middle of a stream, where there is no response of its own.
  const data = field(error, "data");
  if (isObject(data) && isErrorCode(data["code"])) {
    const status = typeof data["httpStatus"] === "number" ? data["httpStatus"] : undefined;
    return toError(data, field(error, "message"), { status });
  }
  return undefined;
}

function toError(data: unknown, message: unknown, facts: SimErrorFacts): SimParlantError {
  const code = field(data, "code");
  const details = field(data, "details");
  const requestId = field(data, "requestId");
  return createError(
    isErrorCode(code) ? code : codeOf(facts.status),
    typeof message === "string" && message !== "" ? message : `The server answered with status ${facts.status}`,
    {
      ...facts,
      requestId: facts.requestId ?? (typeof requestId === "string" && requestId !== "" ? requestId : undefined),
      details: isObject(details) ? (details as SimErrorDetails) : undefined,
    },
  );
}

/** An answer of a gateway, or of another server altogether; its text is not repeated, since anything may stand in it. */
function foreignAnswer(status: number, facts: SimErrorFacts): SimParlantError {
  if (status === 0 || (status >= 300 && status < 400)) {
    return createError("INVALID_RESPONSE", "The server redirects elsewhere; set baseUrl to the final address", facts);
  }
  return createError(codeOf(status), `Status ${status}, and not from this server; is baseUrl right, or a gateway down?`, facts);
}

function codeOf(status: number | undefined): SimErrorCode {
  if (status === undefined || status < 400) return "INVALID_RESPONSE";
  return CODE_OF_STATUS[status] ?? (status >= 500 ? "INTERNAL_ERROR" : "BAD_REQUEST");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a gateway's page: the status tells what it means
  }
}

function field(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
