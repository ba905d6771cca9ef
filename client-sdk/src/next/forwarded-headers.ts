const SESSION_COOKIES = new Set(["better-auth.session_token", "__Secure-better-auth.session_token"]);

/** What the server reads; all else of a request, other cookies of Sim's above all, stays with Sim. */
const REQUEST_HEADERS = [
  "accept",
  "content-type",
  "idempotency-key",
  "if-match",
  "last-event-id",
  // The server refuses changes from origins that it does not know: it has to be told the page's own, as it came.
  "origin",
  "traceparent",
  "tracestate",
  "trpc-accept",
  "x-request-id",
];

/** What a page reads. No cookie is set and no other origin is let in on the word of the server. */
const RESPONSE_HEADERS = [
  "allow",
  "cache-control",
  "content-disposition",
  "content-type",
  "etag",
  "retry-after",
  "vary",
  "www-authenticate",
  "x-accel-buffering",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "x-request-id",
];

/** Headers that belong to one connection, or by which one that asks could pose as another. */
const NEVER_FORWARDED =
  /^(connection|content-length|cookie2?|expect|forwarded|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|via|x-forwarded-.*|x-real-ip|cf-.*|true-client-ip|x-client-ip)$/;

/**
 * Names of headers to forward, in lower case.
 *
 * @throws TypeError where one of them may not be
 */
export function checkForwarded(names: readonly string[]): string[] {
  return names.map((given) => {
    const name = given.toLowerCase();
    if (NEVER_FORWARDED.test(name)) throw new TypeError(`The header "${name}" is never forwarded`);
    return name;
  });
}

/** The headers of a request that go on to the server: the listed ones, and of the cookies those of Sim's session. */
export function forwardedHeaders(given: Headers, alsoForwarded: readonly string[]): Headers {
  const headers = copyHeaders(given, [...REQUEST_HEADERS, ...alsoForwarded]);
  const cookies = sessionCookies(given.get("cookie"));
  if (cookies !== "") headers.set("cookie", cookies);
  // What is compressed arrives in blocks, a stream's events late.
  headers.set("accept-encoding", "identity");
  return headers;
}

/** The headers of an answer that go back to the page. */
export function answeredHeaders(given: Headers): Headers {
  const headers = copyHeaders(given, RESPONSE_HEADERS);
  headers.set("x-content-type-options", "nosniff");
  // Whatever stands in an answer, it is no page of this origin.
  headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  if (headers.get("content-type")?.startsWith("text/event-stream")) {
    headers.set("cache-control", "private, no-store, no-transform");
    headers.set("x-accel-buffering", "no");
  }
  return headers;
}

function copyHeaders(from: Headers, names: readonly string[]): Headers {
  const headers = new Headers();
  for (const name of names) {
    const value = from.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

function sessionCookies(header: string | null): string {
  const pairs = (header ?? "").split(";").map((pair) => pair.trim());
  return pairs.filter((pair) => SESSION_COOKIES.has(pair.split("=", 1).join("").trim())).join("; ");
}
