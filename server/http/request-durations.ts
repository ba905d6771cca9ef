import type { FastifyReply, FastifyRequest } from "fastify";
import { Histogram, type Registry } from "prom-client";

/** Seconds; the server's own part of a warm call is a few milliseconds, and a long poll lasts 25 s. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const TRPC_ROUTE = "/api/trpc/:path";

/** Takes note of a request that has been answered, under the route that took it and never under what its caller wrote. */
export type ObserveRequest = (request: FastifyRequest, reply: FastifyReply) => void;

export function createRequestDurations(registry: Registry): ObserveRequest {
  const histogram = new Histogram({
    name: "parlant_http_request_duration_seconds",
    help: "How long requests took to be answered",
    labelNames: ["method", "route", "status"],
    buckets: BUCKETS,
    registers: [registry],
  });
  return (request, reply) => {
    // How long a stream is read says nothing of the server.
    if (String(reply.getHeader("content-type")).startsWith("text/event-stream")) return;
    const method = METHODS.has(request.method) ? request.method : "other";
    const seconds = (performance.now() - request.note.startedAtMs) / 1_000;
    histogram.observe({ method, route: routeOf(request), status: reply.statusCode }, seconds);
  };
}

/** The route's pattern; of tRPC, which has one route for all, the procedure, as the ladder has noted it. */
function routeOf({ routeOptions: { url }, note: { procedure } }: FastifyRequest): string {
  if (url === undefined || url === "*") return "none";
  if (!url.endsWith(TRPC_ROUTE)) return url;
  const called = procedure === undefined ? "unknown" : procedure.includes(",") ? "batch" : procedure;
  return url.replace(":path", called);
}
