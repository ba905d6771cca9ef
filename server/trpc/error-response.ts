import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import type { FastifyReply, FastifyRequest } from "fastify";
import { errorHeaders, noteError, toClientError } from "../http/error-answer.ts";
import type { AppError } from "../shared/errors.ts";
import { httpStatus } from "./errors.ts";
import type { ErrorShape } from "./trpc.ts";
import { asTrpcError } from "./trpc-errors.ts";

/** An error as tRPC's clients are told it; the same as the error formatter makes of one in a procedure. */
export function toErrorShape(error: AppError, path: string, requestId: string): ErrorShape {
  return {
    message: error.message,
    code: TRPC_ERROR_CODES_BY_KEY[asTrpcError(error).code],
    data: { ...error.toBody(), httpStatus: httpStatus(error), path, requestId },
  };
}

/** Answers with an error that came up outside any procedure, in the envelope in which tRPC's clients look for it. */
export function sendTrpcError(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const appError = toClientError(error);
  noteError(request, appError);
  return reply
    .code(httpStatus(appError))
    .headers(errorHeaders(appError))
    .send({ error: { json: toErrorShape(appError, "", request.id) } });
}
