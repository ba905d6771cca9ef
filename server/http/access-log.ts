import type { FastifyReply, FastifyRequest } from "fastify";
import { HTTP_STATUS } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";

const MAX_CAUSES = 5;

/** Writes the one line that a served request leaves in the log. It names the route, not the URL, which callers fill. */
export function logRequest(log: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const { startedAtMs, cause, code, ...note } = request.note;
  const status = reply.statusCode;
  const level = status >= 500 ? "error" : status >= 400 ? "warn" : "info";
  if (!log.isLevelEnabled(level)) return;
  const durationMs = Math.round((performance.now() - startedAtMs) * 100) / 100;
  const line = { requestId: request.id, ...note, code: code ?? codeOf(status), durationMs };
  const message = `${request.method} ${request.routeOptions.url ?? "(no such route)"} ${status}`;
  log[level](cause === undefined ? line : { ...line, causes: describeCauses(cause) }, message);
}

/** The code of an answer that was no thrown error: a probe's may be 503. */
function codeOf(status: number): string {
  return Object.entries(HTTP_STATUS).find(([, known]) => known === status)?.[0] ?? "OK";
}

/** An error and what lies behind it, by kind and place: a database's error may quote rows in other properties. */
function describeCauses(error: unknown): object[] {
  const causes: object[] = [];
  for (let link = error; link instanceof Error && causes.length < MAX_CAUSES; link = link.cause) {
    const { code } = link as { code?: unknown };
    causes.push({ type: link.name, message: link.message, ...(typeof code === "string" && { code }), stack: link.stack });
  }
  return causes.length > 0 ? causes : [{ type: typeof error }];
}
