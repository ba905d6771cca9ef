import type { FastifyCorsOptions } from "@fastify/cors";

const EXPOSED_HEADERS = [
  "x-request-id",
  "retry-after",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "location",
  "etag",
];

/** The same for an answer that is made before any hook runs. */
export function corsHeaders(allowedOrigins: ReadonlySet<string>, origin: string | undefined): Record<string, string> {
  if (origin === undefined || !allowedOrigins.has(origin)) return { vary: "Origin" };
  return {
    vary: "Origin",
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": EXPOSED_HEADERS.join(", "),
  };
}

/** What browsers may send and read, from the given origins and no others, credentials included. */
export function corsOptions(allowedOrigins: ReadonlySet<string>): FastifyCorsOptions {
  return {
    origin: [...allowedOrigins],
    credentials: true,
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowedHeaders: [
      "accept",
      "authorization",
      "content-type",
      "idempotency-key",
      "if-match",
      "last-event-id",
      "traceparent",
      "tracestate",
      "trpc-accept",
      "x-api-key",
      "x-request-id",
    ],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: 600,
    strictPreflight: false,
  };
}
