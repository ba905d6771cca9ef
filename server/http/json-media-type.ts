import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../shared/errors.ts";
import { recogniseRouted } from "./recognised-first.ts";
import { type ContextOptions, createRequestContext, hasBody } from "./request-context.ts";

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]*)/i;
/** Their bodies are never read. */
const BODILESS = new Set(["GET", "HEAD", "TRACE"]);

/**
 * A body is read only where it is JSON in UTF-8 and not compressed. Where a cookie decides the request, what is no JSON
 * is refused as forged; else as of another media type.
 */
export function requireJsonBodies(app: FastifyInstance, options: ContextOptions): void {
  app.addHook("preParsing", (request, _reply, payload, done) => {
    const isRead = !BODILESS.has(request.method) && !request.is404 && hasBody(request.headers);
    const problem = isRead ? problemOf(request.headers) : null;
    if (problem === null) done(null, payload);
    else void refusalOf(request, options, problem).then(done);
  });
}

function problemOf(headers: IncomingHttpHeaders): string | null {
  const type = headers["content-type"] ?? "";
  if (type.split(";", 1).join("").trim().toLowerCase() !== "application/json") return "The body must be application/json";
  const charset = CHARSET.exec(type)?.[1] ?? "utf-8";
  if (!/^utf-?8$/i.test(charset)) return "The body must be in UTF-8";
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  return encoding === "identity" ? null : "The body must not be compressed: Content-Encoding can only be identity";
}

async function refusalOf(request: FastifyRequest, options: ContextOptions, problem: string): Promise<Error> {
  const ctx = createRequestContext(request, options);
  try {
    await recogniseRouted(ctx, request);
  } catch (error) {
    // A credential that cannot be verified decides nothing here.
    if (error instanceof AppError && (error.code === "FORBIDDEN" || error.code === "RATE_LIMITED")) return error;
  }
  return new AppError("UNSUPPORTED_MEDIA_TYPE", problem);
}
