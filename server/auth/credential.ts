import type { CredentialSource, RequestHeaders } from "./principal.ts";

/** What a request presents as proof of its caller, not yet verified. */
export interface Credential {
  kind: "internal_jwt" | "api_key" | "session" | "access_token";
  value: string;
  source: CredentialSource;
}

const SECURE_SESSION_COOKIE = "__Secure-better-auth.session_token";
/** Of every access token; a session token has a signature behind a dot, and an access token has no dot. */
export const ACCESS_TOKEN_PREFIX = "pat_";
const PLAIN_SESSION_COOKIE = "better-auth.session_token";

/**
 * The session cookies that are read, the preferred first: better-auth prefixes its cookie behind an https URL, where
 * the plain name could have been planted by a page on http.
 */
export function sessionCookieNames(appUrl: string): readonly [string, ...string[]] {
  return new URL(appUrl).protocol === "https:" ? [SECURE_SESSION_COOKIE] : [PLAIN_SESSION_COOKIE, SECURE_SESSION_COOKIE];
}

/**
 * The one credential that decides, however many a request carries; null where it carries none. An access token comes last,
 * because it stands for a session, which a cookie is.
 */
export function presentedCredential(headers: RequestHeaders, cookieNames: readonly string[]): Credential | null {
  const bearer = bearerToken(headers.get("authorization"));
  if (bearer !== null && isJwt(bearer)) return { kind: "internal_jwt", value: bearer, source: "authorization" };
  const apiKey = headers.get("x-api-key");
  if (apiKey !== null) return { kind: "api_key", value: apiKey, source: "x-api-key" };
  if (bearer !== null && !isAccessToken(bearer)) return { kind: "session", value: bearer, source: "authorization" };
  const cookie = sessionCookie(headers.get("cookie"), cookieNames);
  if (cookie !== null) return { kind: "session", value: cookie, source: "cookie" };
  return bearer === null ? null : { kind: "access_token", value: bearer, source: "authorization" };
}

/** Other schemes are not ours: a proxy's Basic credentials travel beside the session cookie. */
function bearerToken(authorization: string | null): string | null {
  const match = /^bearer(?:\s+(.*))?$/i.exec(authorization?.trim() ?? "");
  return match ? (match[1] ?? "") : null;
}

function isAccessToken(token: string): boolean {
  return token.startsWith(ACCESS_TOKEN_PREFIX) && !token.includes(".");
}

function isJwt(token: string): boolean {
  return token.split(".").length === 3;
}

function sessionCookie(header: string | null, names: readonly string[]): string | null {
  const cookies = (header ?? "").split(";").map(splitCookie);
  for (const name of names) {
    // A browser sends the cookie of the most specific path first; an emptied one is what a sign-out may leave behind.
    const found = cookies.find((cookie) => cookie.name === name && cookie.value !== "");
    if (found) return found.value;
  }
  return null;
}

function splitCookie(pair: string): { name: string; value: string } {
  const equals = pair.indexOf("=");
  return { name: pair.slice(0, Math.max(equals, 0)).trim(), value: pair.slice(equals + 1).trim() };
}
