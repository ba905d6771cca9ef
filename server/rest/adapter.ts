import { callTRPCProcedure } from "@trpc/server";
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { readRecognised } from "../http/recognised-first.ts";
import { assertIdempotencyKey, type ContextOptions, createRequestContext } from "../http/request-context.ts";
import { isOperation } from "../permissions/levels.ts";
import { appRouter } from "../router.ts";
import { AppError } from "../shared/errors.ts";
import { createOpenApiDocument } from "./openapi.ts";
import { versionTag } from "./preconditions.ts";
import { procedureOf } from "./procedure-of.ts";
import { camelCase, type InputParts, planInput, readInput } from "./read-input.ts";
import { REST_PREFIX } from "./rest-prefix.ts";
import { ROUTES, type Route } from "./routes.ts";
import { sendFile } from "./send-file.ts";

/** Serves every route of the table, and the document that describes them. */
export function serveRest(app: FastifyInstance, basePath: string, options: ContextOptions): void {
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: `${basePath}${REST_PREFIX}${toFastifyPath(route.path)}`,
      config: configOf(route),
      handler: createHandler(route, basePath, options),
    });
  }
  const document = JSON.stringify(createOpenApiDocument(basePath));
  app.get(`${basePath}${REST_PREFIX}/openapi.json`, (_request, reply) =>
    reply.type("application/json; charset=utf-8").send(document),
  );
}

function configOf({ procedure }: Route): FastifyContextConfig {
  const { permission } = procedureOf(procedure).meta;
  return isOperation(permission) ? { call: { operation: permission, procedure } } : {};
}

function createHandler(route: Route, basePath: string, options: ContextOptions) {
  const plan = planInput(route);
  const { type, meta } = procedureOf(route.procedure);
  return async (request: FastifyRequest, reply: FastifyReply) => {
    request.note.procedure = route.procedure;
    const ctx = createRequestContext(request, options);
    const input = await readRecognised(
      ctx,
      meta.permission === "public",
      () => {
        assertWellEncoded(request.url);
        assertIdempotencyKey(request.headers);
        return readInput(plan, request as InputParts);
      },
      request,
    );
    const call = (rawInput: object): Promise<unknown> =>
      callTRPCProcedure({
        router: appRouter,
        path: route.procedure,
        getRawInput: async () => rawInput,
        ctx,
        type,
        signal: undefined,
        batchIndex: 0,
      });
    if (route.file) return sendFile(route.file, request, reply, input, call);
    const output = await call(input);
    return answer(route, basePath, request, reply, output);
  };
}

function answer(route: Route, basePath: string, request: FastifyRequest, reply: FastifyReply, output: unknown): FastifyReply {
  const fields = output as { id?: unknown; version?: unknown };
  if (typeof fields?.version === "number") reply.header("etag", versionTag(fields.version));
  if (route.hasLocation)
    reply.header("location", `${pathOf(route, basePath, request.params as InputParts["params"])}/${fields.id}`);
  reply.code(route.statusOf ? route.statusOf(output) : route.success);
  return route.success === 204 ? reply.send() : reply.send(output);
}

/** The path that the request names, in its one spelling: the target that was sent may be another host's. */
function pathOf(route: Route, basePath: string, params: InputParts["params"]): string {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[camelCase(name)] ?? ""));
  return `${basePath}${REST_PREFIX}${path}`;
}

function toFastifyPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => `:${camelCase(name)}`);
}

/** The router has decoded the path by now; a query that cannot be decoded would be read as it stands. */
function assertWellEncoded(url: string): void {
  const start = url.indexOf("?");
  if (start === -1 || !url.includes("%", start)) return;
  try {
    decodeURIComponent(url.slice(start + 1));
  } catch (error) {
    throw new AppError("BAD_REQUEST", "The query is not validly percent-encoded", { cause: error });
  }
}
