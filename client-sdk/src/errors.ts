/** The codes of the server's own refusals and failures. */
export type ServerErrorCode =
  | "BAD_REQUEST"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "CONFLICT"
  | "PAYLOAD_TOO_LARGE"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "RATE_LIMITED"
  | "INTERNAL_ERROR"
  | "SERVICE_UNAVAILABLE";

/** The server's codes, and what can befall a call on its way there and back. */
export type SimErrorCode = ServerErrorCode | "TIMEOUT" | "ABORTED" | "CONNECTION" | "INVALID_RESPONSE";

/** One thing wrong with an input: where it stands and what is allowed there. */
export interface SimErrorIssue {
  path: (string | number)[];
  message: string;
}

export interface SimErrorDetails {
  /** A finer code within the status, e.g. INSUFFICIENT_WORKSPACE_ROLE. */
  code?: string;
  issues?: SimErrorIssue[];
  [key: string]: unknown;
}

/** What is known of a failure besides its code and message. */
export interface SimErrorFacts {
  status?: number | undefined;
  requestId?: string | undefined;
  details?: SimErrorDetails | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

// Registered, so that two copies of this package recognise each other's errors.
const BRAND: unique symbol = Symbol.for("@sim/parlant-client/error");

/** A call that failed. Its message names the reason and never holds a credential. */
export class SimParlantError extends Error {
  /** The code that a class stands for; the base class stands for all. */
  static readonly code: SimErrorCode | undefined = undefined;

  declare readonly code: SimErrorCode;
  /** The HTTP status, where there was an answer. */
  declare readonly status: number | undefined;
  /** The server's id of the request, to be quoted to whoever runs it. */
  declare readonly requestId: string | undefined;
  declare readonly details: SimErrorDetails | undefined;
  /** Milliseconds after which the server asked to be called again. */
  declare readonly retryAfterMs: number | undefined;

  constructor(code: SimErrorCode, message: string, { cause, ...facts }: SimErrorFacts = {}) {
    super(message, cause === undefined ? undefined : { cause });
    Object.assign(this, facts, { name: classNameOf(code), code });
  }

  /** What is wrong with the input, field by field; empty unless the input was refused. */
  get issues(): SimErrorIssue[] {
    return this.details?.issues ?? [];
  }

  get [BRAND](): SimErrorCode {
    return this.code;
  }

  /** Whether a caught value is an error of this class, from whichever copy of this package. */
  static is<Class extends SimParlantError>(
    this: { new (...args: never[]): Class; readonly code: SimErrorCode | undefined },
    error: unknown,
  ): error is Class {
    if (typeof error !== "object" || error === null || !(BRAND in error)) return false;
    // biome-ignore lint/complexity/noThisInStatic: each class asks for its own code
    const { code } = this;
    return code === undefined || error[BRAND] === code;
  }

  toJSON(): object {
    return { ...this, message: this.message };
  }
}

/** NOT_FOUND is a NotFoundError, also where a bundler has shortened the classes' own names. */
function classNameOf(code: SimErrorCode): string {
  const name = code.toLowerCase().replace(/(?:^|_)(.)/g, (_, first: string) => first.toUpperCase());
  return `${name.replace(/Error$/, "")}Error`;
}
