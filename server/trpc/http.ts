import { fastifyRequestHandler } from "@trpc/server/adapters/fastify";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { errorHeaders, noteError } from "../http/error-answer.ts";
import { assertShallowJson } from "../http/json-body.ts";
import { type ContextOptions, createRequestContext } from "../http/request-context.ts";
import { appRouter } from "../router.ts";
import { sendTrpcError } from "./error-response.ts";
import { toAppError } from "./errors.ts";
import { answerPlainCalls, readPlainCalls } from "./plain-calls.ts";

const TRPC_PREFIX = "/api/trpc";
const MAX_BATCH_SIZE = 10;
/** tRPC's own handler would replace what CORS has set. */
const VARY = "origin, trpc-accept, accept";

/** How many calls a request makes; one unless its path names a batch. */
export function countTrpcCalls({ url }: FastifyRequest): number {
  const path = url.split("?", 1).join("");
  return path.includes(`${TRPC_PREFIX}/`) ? path.split(/,|%2c/i).length : 1;
}

/** Serves every procedure at /api/trpc, in tRPC's own protocol; even what fails before it is answered in it. */
export async function serveTrpc(app: FastifyInstance, basePath: string, options: ContextOptions): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser<string>("application/json", { parseAs: "string" }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, request, reply) => sendTrpcError(request, reply, error));
    scope.all(`${basePath}${TRPC_PREFIX}/:path`, (request, reply) => handle(request, reply, options));
  });
}

/**
 * Plain calls are answered here, in the same wire format but without the detour over fetch's Request and Response and
 * without superjson's copies; streams, mistakes and all else are left to tRPC's own handler.
 */
async function handle(request: FastifyRequest, reply: FastifyReply, options: ContextOptions): Promise<unknown> {
  assertShallowInput(request);
  const { path } = request.params as { path: string };
  const ctx = createRequestContext(request, options);
  reply.header("vary", VARY);
  const plain = readPlainCalls(request, path, MAX_BATCH_SIZE);
  if (plain) return answerPlainCalls(plain, ctx, request, reply);
  return fastifyRequestHandler({
    router: appRouter,
    req: request,
    res: reply,
    path,
    maxBatchSize: MAX_BATCH_SIZE,
    createContext: () => ctx,
    onError: ({ error }) => noteError(request, toAppError(error)),
    responseMeta: ({ errors }) => ({
      headers: Object.assign({ vary: VARY }, ...errors.map((error) => errorHeaders(toAppError(error)))),
    }),
  });
}

function assertShallowInput({ query, body }: FastifyRequest): void {
  for (const input of [body, (query as Record<string, unknown>)["input"]].flat()) {
    if (typeof input === "string") assertShallowJson(input);
  }
}
