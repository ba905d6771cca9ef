import cors from "@fastify/cors";
import fastify, { type FastifyInstance } from "fastify";
import { logRequest } from "./http/access-log.ts";
import { applyApiHeaders } from "./http/api-headers.ts";
import { corsHeaders, corsOptions } from "./http/cors.ts";
import { sendError } from "./http/error-answer.ts";
import { parseJsonBodies } from "./http/json-body.ts";
import { requireJsonBodies } from "./http/json-media-type.ts";
import { type MetricsOptions, serveMetrics } from "./http/metrics.ts";
import { answerUnserved, createParserErrorHandler, MAX_HEADER_BYTES } from "./http/parser-errors.ts";
import { type Readiness, serveProbes } from "./http/probes.ts";
import { createRateLimiter } from "./http/rate-limit.ts";
import { createRequestDurations, type ObserveRequest } from "./http/request-durations.ts";
import { requestIdOf } from "./http/request-id.ts";
import { newNote } from "./http/request-note.ts";
import { decodedPath, routedPath } from "./http/request-path.ts";
import { trackSilentConnections } from "./http/silent-connections.ts";
import { answerUnmatched } from "./http/unmatched.ts";
import { serveRest } from "./rest/adapter.ts";
import { AUTHZEN_PREFIX, serveAuthzen } from "./rest/authzen/serve-authzen.ts";
import { serveDocs } from "./rest/docs.ts";
import { serveExchange } from "./rest/serve-exchange.ts";
import { serveWebhooks } from "./rest/serve-webhooks.ts";
import { AppError } from "./shared/errors.ts";
import type { Logger } from "./shared/logger.ts";
import type { Services } from "./trpc/context.ts";
import { countTrpcCalls, serveTrpc } from "./trpc/http.ts";

export interface AppOptions {
  services: Services;
  /** Before every path, e.g. "/parlant"; empty for none. */
  basePath: string;
  /** Whose pages may call with a browser's credentials. */
  allowedOrigins: ReadonlySet<string>;
  /** Addresses or ranges whose X-Forwarded-For is believed. */
  trustedProxies: string[];
  /** Per principal; 0 for no limit. */
  rateLimitPerMinute: number;
  checkReadiness(): Promise<Readiness>;
  /** Served at /metrics, with how long requests take among them; not served unless given. */
  metrics?: Pick<MetricsOptions, "registry" | "token">;
  log: Logger;
}

/** The longest body that is read; a full agent takes a quarter of it. */
const BODY_LIMIT_BYTES = 256 * 1024;
/** The longest segment of a path: a batch of tRPC calls is one. */
const MAX_SEGMENT_LENGTH = 2_000;

/** The HTTP server, ready to listen: REST, tRPC, docs and probes under one set of rules. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { basePath, services, log } = options;
  const apiPrefixes = [`${basePath}/api/`, `${basePath}${AUTHZEN_PREFIX}`];
  const isApi = (path: string) => apiPrefixes.some((prefix) => path.startsWith(prefix));
  const limiter =
    options.rateLimitPerMinute > 0
      ? createRateLimiter({ limitPerMinute: options.rateLimitPerMinute, clock: services.clock })
      : null;
  const observe = options.metrics && createRequestDurations(options.metrics.registry);
  const noteServed: ObserveRequest = (request, reply) => {
    logRequest(log, request, reply);
    observe?.(request, reply);
  };
  const app = fastify({
    logger: false,
    requestIdHeader: false,
    genReqId: ({ headers }) => requestIdOf(headers["x-request-id"]),
    trustProxy: options.trustedProxies.length > 0 ? options.trustedProxies : false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 75_000,
    // A missing Host is refused below, in the shape of every other error.
    http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: 20_000, requireHostHeader: false },
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: MAX_SEGMENT_LENGTH, caseSensitive: true },
    clientErrorHandler: createParserErrorHandler(log),
    // No hook runs for a URL that cannot be routed.
    frameworkErrors(error, request, reply) {
      request.note = newNote(request.headers.traceparent);
      reply.headers({ "x-request-id": request.id, "cache-control": "private, no-store" });
      reply.headers(corsHeaders(options.allowedOrigins, request.headers.origin));
      let refusal: unknown = error;
      try {
        if (isApi(decodedPath(request.url))) applyApiHeaders(request, reply, limiter, () => 1);
      } catch (limited) {
        refusal = limited;
      }
      sendError(request, reply, refusal);
      noteServed(request, reply);
    },
  });
  app.decorateRequest("note");
  app.addHook("onRequest", (request, reply, done) => {
    request.note = newNote(request.headers.traceparent);
    reply.header("x-request-id", request.id);
    done();
  });
  await app.register(cors, corsOptions(options.allowedOrigins));
  app.addHook("onRequest", (request, reply, done) => {
    try {
      if (isApi(routedPath(request))) applyApiHeaders(request, reply, limiter, countTrpcCalls);
      if (request.headers.host === undefined && request.raw.httpVersion === "1.1") {
        throw new AppError("BAD_REQUEST", "The header Host is missing");
      }
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  let isClosing = false;
  const endSilentConnections = trackSilentConnections(app.server);
  app.addHook("preClose", (done) => {
    isClosing = true;
    services.eventHub.close();
    services.sessionWakes.close();
    endSilentConnections();
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    noteServed(request, reply);
    // Closing ends the connections that are idle at that moment; one that was busy is kept alive behind its answer.
    if (isClosing) setImmediate(() => app.server.closeIdleConnections());
    done();
  });
  app.setErrorHandler((error, request, reply) => sendError(request, reply, error));
  answerUnmatched(app);
  parseJsonBodies(app);
  answerUnserved(app.server, log);

  const context = { services, allowedOrigins: options.allowedOrigins, limiter };
  requireJsonBodies(app, context);
  serveProbes(app, basePath, options.checkReadiness, services.clock);
  if (options.metrics) serveMetrics(app, basePath, { ...options.metrics, trustedProxies: options.trustedProxies });
  serveRest(app, basePath, context);
  serveExchange(app, basePath, context);
  await serveWebhooks(app, basePath, context);
  serveAuthzen(app, basePath, context);
  serveDocs(app, basePath);
  await serveTrpc(app, basePath, context);
  await app.ready();
  return app;
}
