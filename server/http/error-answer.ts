import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError, type ErrorCode, HTTP_STATUS } from "../shared/errors.ts";
import { httpStatus, toAppError } from "../trpc/errors.ts";

/** The schemes that a caller without a good credential is pointed to. Source: RFC 9110, section 11.6.1. */
const CHALLENGES = 'Bearer realm="Sim", SimApiKey realm="Sim API", header="x-api-key"';

/** Fastify's own refusals of a request, made before any handler runs. */
const FASTIFY_REFUSALS: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ["UNSUPPORTED_MEDIA_TYPE", "The body must be application/json"],
  FST_ERR_CTP_BODY_TOO_LARGE: ["PAYLOAD_TOO_LARGE", "The body is too large"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ["BAD_REQUEST", "The body is not as long as Content-Length says"],
  FST_ERR_BAD_URL: ["BAD_REQUEST", "The URL is not validly percent-encoded"],
  FST_ERR_MAX_PARAM_LENGTH: ["BAD_REQUEST", "A part of the URL's path is too long"],
};

/** What the caller may be told of an error that reached the transport. */
export function toClientError(error: unknown): AppError {
  if (error instanceof AppError || !(error instanceof Error) || !("statusCode" in error)) return toAppError(error);
  const { code, statusCode } = error as Error & { code?: string; statusCode?: unknown };
  const refusal = FASTIFY_REFUSALS[code ?? ""];
  if (refusal) return new AppError(...refusal, { cause: error });
  if (typeof statusCode !== "number" || statusCode < 400 || statusCode >= 500) return toAppError(error);
  return new AppError("BAD_REQUEST", "The request is malformed", { cause: error });
}

/** Notes an error for the log; a cause is kept only where the caller is told nothing. */
export function noteError(request: FastifyRequest, error: AppError): void {
  request.note.code = error.code;
  if (httpStatus(error) >= HTTP_STATUS.INTERNAL_ERROR) request.note.cause = error.cause ?? error;
}

/** The headers that belong to an error. */
export function errorHeaders(error: AppError): Record<string, string> {
  return {
    ...(error.code === "UNAUTHORIZED" && { "www-authenticate": CHALLENGES }),
    ...(error.retryAfterSeconds !== undefined && { "retry-after": String(Math.max(1, Math.ceil(error.retryAfterSeconds))) }),
  };
}

/** Answers a request with an error, in the one shape that errors have. */
export function sendError(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const appError = toClientError(error);
  noteError(request, appError);
  return reply
    .code(httpStatus(appError))
    .headers(errorHeaders(appError))
    .send({ error: appError.toBody(), requestId: request.id });
}
