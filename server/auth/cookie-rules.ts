import { AppError } from "../shared/errors.ts";
import type { RequestHeaders } from "./principal.ts";

/** What of a request the rules look at. */
export interface CookieRequest {
  method: string;
  headers: RequestHeaders;
  hasBody: boolean;
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Holds for a request that a cookie decides, which a browser sends unasked: no other site made it. A form can send
 * neither a JSON content type nor a trusted origin.
 * @throws AppError FORBIDDEN where an unsafe method comes from another origin or with a body that is not JSON.
 */
export function assertCookieRequestAllowed({ method, headers, hasBody }: CookieRequest, allowed: ReadonlySet<string>): void {
  if (SAFE_METHODS.has(method.toUpperCase())) return;
  const origin = headers.get("origin");
  if (origin !== null && !allowed.has(origin)) {
    throw forbidden("A request with the session cookie must come from an allowed origin; see ALLOWED_ORIGINS");
  }
  if (hasBody && mediaType(headers) !== "application/json") {
    throw forbidden("A request with the session cookie and a body needs Content-Type: application/json");
  }
}

/** Nothing is known of the caller's place in the workspace yet, so to the workspace it is a stranger. */
function forbidden(message: string): AppError {
  return new AppError("FORBIDDEN", message, { refusal: { reasonCode: "COOKIE_RULES", isStranger: true } });
}

/**
 * The origins from which a browser may call: Sim's own and those listed, to be compared exactly.
 * @throws Error naming the entry that is not an http or https URL; a wildcard is none.
 */
export function allowedOrigins(appUrl: string, list: readonly string[]): ReadonlySet<string> {
  return new Set([toOrigin("NEXT_PUBLIC_APP_URL", appUrl), ...list.map((entry) => toOrigin("ALLOWED_ORIGINS", entry))]);
}

function toOrigin(variable: string, entry: string): string {
  const url = URL.parse(entry);
  if (!url || !["http:", "https:"].includes(url.protocol) || url.hostname.includes("*")) {
    throw new Error(`${variable}: "${entry}" is not an origin; expected one such as https://sim.example.com`);
  }
  return url.origin;
}

function mediaType(headers: RequestHeaders): string {
  return (headers.get("content-type") ?? "").split(";", 1).join("").trim().toLowerCase();
}
