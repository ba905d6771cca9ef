import { TRPCError } from "@trpc/server";
import type { TRPC_ERROR_CODE_KEY } from "@trpc/server/rpc";
import { ZodError, type z } from "zod";
import { AppError, type ErrorCode, type Issue, invalidInput } from "../shared/errors.ts";

const TRPC_CODE = {
  BAD_REQUEST: "BAD_REQUEST",
  UNAUTHORIZED: "UNAUTHORIZED",
  FORBIDDEN: "FORBIDDEN",
  NOT_FOUND: "NOT_FOUND",
  METHOD_NOT_ALLOWED: "METHOD_NOT_SUPPORTED",
  CONFLICT: "CONFLICT",
  PAYLOAD_TOO_LARGE: "PAYLOAD_TOO_LARGE",
  UNSUPPORTED_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
  RATE_LIMITED: "TOO_MANY_REQUESTS",
  INTERNAL_ERROR: "INTERNAL_SERVER_ERROR",
  SERVICE_UNAVAILABLE: "SERVICE_UNAVAILABLE",
} as const satisfies Record<ErrorCode, TRPC_ERROR_CODE_KEY>;

/** tRPC's own refusals, made before any procedure runs. */
const FROM_TRPC: Partial<Record<TRPC_ERROR_CODE_KEY, ErrorCode>> = {
  PARSE_ERROR: "BAD_REQUEST",
  ...Object.fromEntries(Object.entries(TRPC_CODE).map(([code, trpcCode]) => [trpcCode, code])),
};

/** An error of ours in tRPC's terms, for its HTTP status. */
export function asTrpcError(error: AppError): TRPCError {
  return new TRPCError({ code: TRPC_CODE[error.code], message: error.message, cause: error });
}

/** What tRPC threw, as ours; `failure` makes one of what is not written for the caller. */
export function fromTrpcError(error: TRPCError, failure: (cause: unknown) => AppError): AppError {
  const { cause, code } = error;
  if (cause instanceof ZodError) {
    return code === "BAD_REQUEST" ? refusedInput(cause) : new AppError("INTERNAL_ERROR", "Internal error", { cause: error });
  }
  // An error that a procedure threw arrives wrapped; tRPC's own has no cause of another kind.
  if (cause instanceof AppError) return cause;
  if (code === "INTERNAL_SERVER_ERROR") return failure(cause ?? new Error(error.message));
  return new AppError(
    FROM_TRPC[code] ?? "INTERNAL_ERROR",
    FROM_TRPC[code] ? (TRPC_MESSAGE[code] ?? "Bad request") : "Internal error",
    { cause: error },
  );
}

/** What is wrong with an input, as its caller is told. */
export function refusedInput({ issues }: Pick<ZodError, "issues">): AppError {
  return invalidInput(issues.flatMap(toIssues));
}

/** A zod issue as the caller's; each unknown key is an issue of its own, at its own path. */
function toIssues(issue: z.core.$ZodIssue): Issue[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({ path: [...path, key], message: "is not a known field" }));
}

/** tRPC's own messages may quote a parser; these do not. */
const TRPC_MESSAGE: Partial<Record<TRPC_ERROR_CODE_KEY, string>> = {
  PARSE_ERROR: "The request is not valid JSON of the expected form",
  BAD_REQUEST: "The request is not of the form that this protocol expects",
  NOT_FOUND: "No such procedure",
  METHOD_NOT_SUPPORTED: "The procedure is called by another HTTP method",
  UNSUPPORTED_MEDIA_TYPE: "The body must be application/json",
  PAYLOAD_TOO_LARGE: "The body is too large",
};
