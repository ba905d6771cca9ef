import type { FastifyCorsOptions } from "@fastify/cors";

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
    exposedHeaders: [
      "x-request-id",
      "retry-after",
      "x-ratelimit-limit",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
      "location",
      "etag",
    ],
    maxAge: 600,
    strictPreflight: false,
  };
}
