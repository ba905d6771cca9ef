import type { FastifyInstance } from "fastify";
import { AppError } from "../shared/errors.ts";
import { sendError } from "./error-answer.ts";
import { decodedPath } from "./request-path.ts";

/**
 * What no route takes is answered 405 with Allow where the path has routes of other methods, else 404. To be called
 * before the routes are registered, which it learns as they are.
 */
export function answerUnmatched(app: FastifyInstance): void {
  const methodsByPattern = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    if (url === "*") return;
    const methods = methodsByPattern.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one.toUpperCase());
    methodsByPattern.set(url, methods);
  });
  let paths: { pattern: RegExp; methods: Set<string> }[] = [];
  app.addHook("onReady", async () => {
    paths = [...methodsByPattern].map(([url, methods]) => ({ pattern: toRegExp(url), methods }));
  });

  app.setNotFoundHandler((request, reply) => {
    const path = decodedPath(request.url);
    const methods = [...new Set(paths.filter(({ pattern }) => pattern.test(path)).flatMap((known) => [...known.methods]))].sort();
    if (methods.length === 0) return sendError(request, reply, new AppError("NOT_FOUND", "There is nothing at this path"));
    reply.header("allow", methods.join(", "));
    const message = `${request.method} is not a method of this path; it has ${methods.join(", ")}`;
    return sendError(request, reply, new AppError("METHOD_NOT_ALLOWED", message));
  });
}

/** Fastify's pattern of a path; a parameter takes one segment, a wildcard the rest. */
function toRegExp(url: string): RegExp {
  const segments = url.split("/").map((segment) => {
    if (segment.startsWith(":")) return "[^/]+";
    return segment === "*" ? ".*" : segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${segments.join("/")}$`);
}
