import { type SimErrorCode, type SimErrorFacts, SimParlantError } from "./errors.ts";

/** A class whose errors all have the one code. */
interface ErrorClass<Code extends SimErrorCode> {
  new (message: string, facts?: SimErrorFacts): SimParlantError & { readonly code: Code };
  readonly code: Code;
  is: typeof SimParlantError.is;
}

function errorClass<Code extends SimErrorCode>(code: Code): ErrorClass<Code> {
  return class extends SimParlantError {
    static override readonly code: Code = code;
    declare readonly code: Code;

    constructor(message: string, facts?: SimErrorFacts) {
      super(code, message, facts);
    }
  };
}

/** The input was refused; `issues` names each field. */
export class BadRequestError extends errorClass("BAD_REQUEST") {}
/** There is no credential, or not a good one. */
export class UnauthorizedError extends errorClass("UNAUTHORIZED") {}
/** The caller is in the workspace but may not do this; `details` says what is needed. */
export class ForbiddenError extends errorClass("FORBIDDEN") {}
/** There is no such thing, or not for this caller. */
export class NotFoundError extends errorClass("NOT_FOUND") {}
/** The address is served by another HTTP method. */
export class MethodNotAllowedError extends errorClass("METHOD_NOT_ALLOWED") {}
/** The name is taken, the version stale, or the idempotency key used for another request. */
export class ConflictError extends errorClass("CONFLICT") {}
/** The body is larger than the server takes. */
export class PayloadTooLargeError extends errorClass("PAYLOAD_TOO_LARGE") {}
/** The body is of a kind that the server does not take. */
export class UnsupportedMediaTypeError extends errorClass("UNSUPPORTED_MEDIA_TYPE") {}
/** Too many calls; `retryAfterMs` says when to go on. */
export class RateLimitedError extends errorClass("RATE_LIMITED") {}
/** The server failed; quote `requestId` to whoever runs it. */
export class InternalError extends errorClass("INTERNAL_ERROR") {}
/** The server, or a gateway before it, cannot serve at the moment. */
export class ServiceUnavailableError extends errorClass("SERVICE_UNAVAILABLE") {}
/** No answer came within `timeoutMs`; a change may have been made. */
export class TimeoutError extends errorClass("TIMEOUT") {}
/** The caller's signal ended the call; a change may have been made. */
export class AbortedError extends errorClass("ABORTED") {}
/** What ends a call with its caller's signal. */
export function abortedBy(signal: AbortSignal | undefined): AbortedError {
  return new AbortedError("The call was aborted", { cause: signal?.reason });
}
/** The server could not be reached, or the connection broke; `cause` is fetch's own error. */
export class ConnectionError extends errorClass("CONNECTION") {}
/** What answered does not speak this protocol: most often baseUrl is another server's. */
export class InvalidResponseError extends errorClass("INVALID_RESPONSE") {}

const CLASSES = {
  BAD_REQUEST: BadRequestError,
  UNAUTHORIZED: UnauthorizedError,
  FORBIDDEN: ForbiddenError,
  NOT_FOUND: NotFoundError,
  METHOD_NOT_ALLOWED: MethodNotAllowedError,
  CONFLICT: ConflictError,
  PAYLOAD_TOO_LARGE: PayloadTooLargeError,
  UNSUPPORTED_MEDIA_TYPE: UnsupportedMediaTypeError,
  RATE_LIMITED: RateLimitedError,
  INTERNAL_ERROR: InternalError,
  SERVICE_UNAVAILABLE: ServiceUnavailableError,
  TIMEOUT: TimeoutError,
  ABORTED: AbortedError,
  CONNECTION: ConnectionError,
  INVALID_RESPONSE: InvalidResponseError,
} as const satisfies { [Code in SimErrorCode]: ErrorClass<Code> };

/** An error of the code's own class. */
export function createError(code: SimErrorCode, message: string, facts: SimErrorFacts): SimParlantError {
  return new CLASSES[code](message, facts);
}

/** Whether a string is one of the codes; a newer server may know others. */
export function isErrorCode(text: unknown): text is SimErrorCode {
  return typeof text === "string" && Object.hasOwn(CLASSES, text);
}
