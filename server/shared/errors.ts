/** The closed set of error codes a client can meet, with the HTTP status of each (those of Sim's v2 API). */
export const HTTP_STATUS = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof HTTP_STATUS;

/** One thing wrong with an input: where it stands and what is allowed there. */
export interface Issue {
  path: (string | number)[];
  message: string;
}

export interface ErrorDetails {
  /** A finer code within the status, e.g. INSUFFICIENT_WORKSPACE_ROLE. */
  code?: string;
  issues?: Issue[];
  [key: string]: unknown;
}

/** What the audit trail is told of a refusal, and the caller is not. */
export interface Refusal {
  reasonCode: string;
  /** Whether the caller has no permission at all in the workspace. */
  isStranger?: boolean;
}

/** What the client is told, in either transport. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  details?: ErrorDetails;
}

/** An error whose message and details are written for the caller. Anything else is masked as INTERNAL_ERROR. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;
  /** Seconds after which a retry makes sense; sent as Retry-After. */
  readonly retryAfterSeconds: number | undefined;
  readonly refusal: Refusal | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; retryAfterSeconds?: number; cause?: unknown; refusal?: Refusal } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.details = options.details;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.refusal = options.refusal;
  }

  toBody(): ErrorBody {
    return { code: this.code, message: this.message, ...(this.details && { details: this.details }) };
  }
}

/** The one answer for a workspace that is absent, archived or closed to the caller: the three must not differ by a byte. */
export function workspaceNotFound(reasonCode: string): AppError {
  return new AppError("NOT_FOUND", "Workspace not found", { refusal: { reasonCode, isStranger: true } });
}

/** The one answer for an agent that is absent, deleted, hidden or elsewhere; only that it is hidden is a refusal. */
export function agentNotFound(reasonCode?: "AGENT_HIDDEN"): AppError {
  return new AppError("NOT_FOUND", "Agent not found", reasonCode && { refusal: { reasonCode } });
}

/** The one answer for a session that is absent, hidden or elsewhere; only that it is hidden is a refusal. */
export function sessionNotFound(reasonCode?: "SESSION_HIDDEN"): AppError {
  return new AppError("NOT_FOUND", "Session not found", reasonCode && { refusal: { reasonCode } });
}

/** The one answer for an organization that is absent, or that the caller is no owner or admin of. */
export function organizationNotFound(): AppError {
  return new AppError("NOT_FOUND", "Organization not found", {
    refusal: { reasonCode: "NO_ORGANIZATION_ROLE", isStranger: true },
  });
}

/** The one answer for a user who is unknown, or has no permission in the workspace. */
export function userNotFound(): AppError {
  return new AppError("NOT_FOUND", "User not found");
}

export function invalidInput(issues: Issue[]): AppError {
  const first = issues[0];
  const where = first && first.path.length > 0 ? `${first.path.join(".")}: ` : "";
  return new AppError("BAD_REQUEST", first ? `${where}${first.message}` : "Invalid input", { details: { issues } });
}
