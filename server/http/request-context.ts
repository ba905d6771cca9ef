import type { IncomingHttpHeaders } from "node:http";
import type { FastifyRequest } from "fastify";
import { assertCookieRequestAllowed } from "../auth/cookie-rules.ts";
import type { RequestHeaders } from "../auth/principal.ts";
import { invalidInput } from "../shared/errors.ts";
import type { RequestContext, Services } from "../trpc/context.ts";
import type { RateLimiter } from "./rate-limit.ts";

/** What the transports share in making contexts. */
export interface ContextOptions {
  services: Services;
  allowedOrigins: ReadonlySet<string>;
  limiter: RateLimiter | null;
}

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/** The request as the ladder takes it; an Idempotency-Key is taken that assertIdempotencyKey lets through. */
export function createRequestContext(request: FastifyRequest, options: ContextOptions): RequestContext {
  const headers = readableHeaders(request.headers);
  return {
    services: options.services,
    headers,
    request: {
      requestId: request.id,
      ipAddress: request.ip,
      idempotencyKey: idempotencyKeyOf(request.headers),
      method: request.method,
      isForgeable: isForgeable(request.headers, options.allowedOrigins),
    },
    assertCookieAllowed() {
      assertCookieRequestAllowed({ method: request.method, headers, hasBody: hasBody(request.headers) }, options.allowedOrigins);
    },
    annotate({ procedure, ...note }) {
      Object.assign(request.note, note);
      if (procedure !== undefined) request.note.procedure = joined(request.note.procedure, procedure);
      if (note.principalId !== undefined) {
        options.limiter?.recognise(request.headers, `${note.principalKind}:${note.principalId}`);
      }
    },
  };
}

/** Node has parsed the headers already: a Headers object of all of them would be made for the two that are read. */
function readableHeaders(headers: IncomingHttpHeaders): RequestHeaders {
  return {
    get(name) {
      const value = headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(", ") : (value ?? null);
    },
  };
}

/**
 * Whether a page that is not ours may have made a browser send this. An image of a sibling host's page comes without
 * Origin and as same-site; without TLS no browser says where a request comes from.
 */
function isForgeable({ origin, "sec-fetch-site": site }: IncomingHttpHeaders, allowedOrigins: ReadonlySet<string>): boolean {
  if (origin !== undefined && allowedOrigins.has(origin)) return false;
  return site !== "same-origin" && site !== "none";
}

/** @throws AppError BAD_REQUEST where there is an Idempotency-Key and it is malformed: it must not be left unheeded */
export function assertIdempotencyKey(headers: IncomingHttpHeaders): void {
  if (headers["idempotency-key"] === undefined || idempotencyKeyOf(headers) !== null) return;
  throw invalidInput([{ path: ["Idempotency-Key"], message: "must be 1 to 255 visible ASCII characters" }]);
}

function idempotencyKeyOf(headers: IncomingHttpHeaders): string | null {
  const key = headers["idempotency-key"];
  return typeof key === "string" && VISIBLE_ASCII.test(key) ? key : null;
}

/** Whether the headers announce a body that is not empty. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** The calls of a batch, each once. */
function joined(known: string | undefined, procedure: string): string {
  if (known === undefined) return procedure;
  return known.split(",").includes(procedure) ? known : `${known},${procedure}`;
}
