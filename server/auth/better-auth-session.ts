import { APIError, type BetterAuthOptions } from "better-auth";
import { betterAuth } from "better-auth/minimal";
import type { Principal } from "./principal.ts";
import { createSessionAdapter, type SessionAdapterOptions } from "./session-adapter.ts";

interface SessionOptions extends SessionAdapterOptions {
  betterAuthSecret: string;
  appUrl: string;
}

/** The name under which the signed token is handed to better-auth, whatever carried it to us. */
const COOKIE_NAME = "better-auth.session_token";

/**
 * Verifies a signed session token (`token.signature`, URL-encoded or not) with better-auth on Sim's tables and secret;
 * the result is null where signature, session or user do not hold.
 */
export function createSessionVerifier(options: SessionOptions): (signedToken: string) => Promise<Principal | null> {
  // This variable outranks better-auth's own option.
  process.env["BETTER_AUTH_TELEMETRY"] = "false";
  const auth = betterAuth(readingOptions(options, () => createSessionAdapter(options)));
  return async (signedToken) => {
    const value = urlDecoded(signedToken);
    // PostgreSQL has no text with a NUL, so no session has such a token.
    if (value === null || value.includes("\0")) return null;
    const headers = new Headers({ cookie: `${COOKIE_NAME}=${encodeURIComponent(value)}` });
    const found = await auth.api.getSession({ headers, query: READING_QUERY }).catch(rethrowCause);
    return found && { kind: "session", userId: found.session.userId, sessionId: found.session.id };
  };
}

/** Reads the database at every call and leaves the session's expiry as Sim set it. */
export const READING_QUERY = { disableRefresh: true, disableCookieCache: true };

/**
 * better-auth set up to read sessions and do nothing else: with READING_QUERY it neither refreshes nor deletes one, even
 * on a database that it could write to; nothing is cached in cookies, counted or reported.
 */
export function readingOptions(
  { betterAuthSecret, appUrl }: { betterAuthSecret: string; appUrl: string },
  database: NonNullable<BetterAuthOptions["database"]>,
): BetterAuthOptions {
  return {
    database,
    baseURL: appUrl,
    // Not `secret`: a BETTER_AUTH_SECRETS in the environment would outrank it.
    secrets: [{ version: 1, value: betterAuthSecret }],
    session: { disableSessionRefresh: true, deferSessionRefresh: true, cookieCache: { enabled: false } },
    advanced: { useSecureCookies: false, database: { validateSchema: false } },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: { disabled: true },
  };
}

function urlDecoded(value: string): string | null {
  try {
    return decodeURIComponent(value);
  } catch {
    return null;
  }
}

/** better-auth turns a failure of the database into an error of its own; what became of the database is for us to say. */
function rethrowCause(error: unknown): never {
  if (error instanceof APIError && error.cause !== undefined) throw error.cause;
  throw error;
}
