import { TRPCError } from "@trpc/server";
import { isDatabaseUnavailable } from "../db/errors.ts";
import { AppError, HTTP_STATUS } from "../shared/errors.ts";
import { asTrpcError, fromTrpcError } from "./trpc-errors.ts";

/** Seconds after which a caller may try again when the database could not serve. */
const RETRY_AFTER_SECONDS = 1;

/**
 * What the caller may be told of an error. Only an AppError speaks for itself; invalid input names its fields; a
 * database that is away is SERVICE_UNAVAILABLE; all else is masked, with no cause, SQL, path or stack.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof TRPCError) return fromTrpcError(error, toAppError);
  if (isDatabaseUnavailable(error)) {
    return new AppError("SERVICE_UNAVAILABLE", "The database cannot serve at the moment", {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      cause: error,
    });
  }
  return new AppError("INTERNAL_ERROR", "Internal error", { cause: error });
}

/** The same in tRPC's terms, for its HTTP status. */
export function toTrpcError(error: unknown): TRPCError {
  return asTrpcError(toAppError(error));
}

export function httpStatus(error: AppError): number {
  return HTTP_STATUS[error.code];
}
