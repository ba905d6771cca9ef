import { incomingMessageToRequest } from "@trpc/server/adapters/node-http";
import { resolveResponse } from "@trpc/server/http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { errorHeaders, noteError } from "../http/error-answer.ts";
import { readRecognised } from "../http/recognised-first.ts";
import { assertIdempotencyKey, type ContextOptions, createRequestContext } from "../http/request-context.ts";
import { appRouter } from "../router.ts";
import { AppError } from "../shared/errors.ts";
import { assertHarmlessJson } from "../shared/harmless-json.ts";
import type { RequestContext } from "./context.ts";
import { sendTrpcError } from "./error-response.ts";
import { toAppError } from "./errors.ts";
import { answerPlainCalls, arePublic, readPlainCalls } from "./plain-calls.ts";

const TRPC_ROUTE = "/api/trpc/:path";
const MAX_BATCH_SIZE = 10;
/** tRPC's own handler would replace what CORS has set. */
const VARY = "origin, trpc-accept, accept";

/** How many calls a request makes; one unless its path names a batch. */
export function countTrpcCalls(request: FastifyRequest): number {
  return request.routeOptions.url?.endsWith(TRPC_ROUTE) ? pathOf(request).split(",").length : 1;
}

/** Serves every procedure at /api/trpc, in tRPC's own protocol; even what fails before it is answered in it. */
export async function serveTrpc(app: FastifyInstance, basePath: string, options: ContextOptions): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser<string>("application/json", { parseAs: "string" }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, request, reply) => sendTrpcError(request, reply, error));
    scope.all(`${basePath}${TRPC_ROUTE}`, (request, reply) => handle(request, reply, options));
  });
}

/**
 * Plain calls are answered here, in the same wire format but without the detour over fetch's Request and Response and
 * without superjson's copies; streams, mistakes and all else are left to tRPC's own handler.
 */
async function handle(request: FastifyRequest, reply: FastifyReply, options: ContextOptions): Promise<unknown> {
  reply.header("vary", VARY);
  const path = pathOf(request);
  assertMethod(request, reply);
  assertBatchSize(request, path);
  assertHarmlessInput(request);
  const ctx: RequestContext = { ...createRequestContext(request, options), hangUp: () => reply.raw.destroy() };
  await readRecognised(ctx, arePublic(path), () => assertIdempotencyKey(request.headers));
  const plain = readPlainCalls(request, path, MAX_BATCH_SIZE);
  return plain ? answerPlainCalls(plain, ctx, request, reply) : answerByTrpc(request, reply, path, ctx);
}

async function answerByTrpc(request: FastifyRequest, reply: FastifyReply, path: string, ctx: RequestContext): Promise<unknown> {
  const refused: { error?: AppError } = {};
  let isAnswered = false;
  const response = await resolveResponse({
    router: appRouter,
    req: incomingMessageToRequest(Object.assign(request.raw, { body: request.body }), reply.raw, { maxBodySize: null }),
    // It is decoded once more there.
    path: encodeURIComponent(path),
    error: null,
    maxBatchSize: MAX_BATCH_SIZE,
    // A query whose input does not fit into a URL comes as a body.
    allowMethodOverride: true,
    createContext: async () => ctx,
    onError({ error, ctx: known, type }) {
      const appError = toAppError(error);
      noteError(request, appError);
      // A stream that is refused before it begins is answered as any call: tRPC would answer 200 and tell it in the stream.
      if (!known || (type === "subscription" && !isAnswered)) refused.error ??= appError;
    },
    responseMeta: ({ errors }) => ({
      headers: Object.assign(
        { vary: VARY },
        errors.some(({ code }) => code === "METHOD_NOT_SUPPORTED") && { allow: request.method === "GET" ? "POST" : "GET" },
        ...errors.map((error) => errorHeaders(toAppError(error))),
      ),
    }),
  });
  isAnswered = true;
  // What tRPC refuses before it asks for a context, it answers without the request's id.
  if (!refused.error) {
    // tRPC replaces what every answer has; a stream must be neither kept nor held back.
    if (isStream(response)) response.headers.set("cache-control", "private, no-store, no-transform");
    return reply.send(response);
  }
  await response.body?.cancel();
  return sendTrpcError(request, reply, refused.error);
}

function isStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") === true;
}

function pathOf(request: FastifyRequest): string {
  return (request.params as { path: string }).path;
}

function assertMethod({ method }: FastifyRequest, reply: FastifyReply): void {
  if (method === "GET" || method === "HEAD" || method === "POST") return;
  reply.header("allow", "GET, HEAD, POST");
  throw new AppError("METHOD_NOT_ALLOWED", "Queries are called by GET, mutations by POST");
}

function assertBatchSize({ query }: FastifyRequest, path: string): void {
  const size = path.split(",").length;
  if (size <= MAX_BATCH_SIZE || (query as Record<string, unknown>)["batch"] !== "1") return;
  throw new AppError("BAD_REQUEST", `A batch has at most ${MAX_BATCH_SIZE} calls; this one has ${size}`);
}

function assertHarmlessInput({ query, body }: FastifyRequest): void {
  for (const input of [body, (query as Record<string, unknown>)["input"]].flat()) {
    if (typeof input === "string") assertHarmlessJson(input);
  }
}
