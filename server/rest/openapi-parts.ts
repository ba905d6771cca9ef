import { type ErrorCode, HTTP_STATUS } from "../shared/errors.ts";
import type { ProcedureInfo } from "./procedure-of.ts";
import type { Route } from "./routes.ts";

const text = { type: "string" };
const count = { type: "integer" };

/** Headers of answers, as the document names them. */
export const DOCUMENTED_HEADERS = {
  "x-request-id": { description: "Names this request, in logs too", schema: text },
  "x-ratelimit-limit": { description: "Requests a minute; absent where there is no limit", schema: count },
  "x-ratelimit-remaining": { description: "Requests left in the present minute", schema: count },
  "x-ratelimit-reset": { description: "When the present minute ends", schema: { type: "string", format: "date-time" } },
  etag: { description: 'The version in quotes, such as "3"; If-Match takes it', schema: text },
  "content-disposition": { description: "The name of the file", schema: text },
  location: { description: "The path of what was made", schema: text },
  "retry-after": { description: "Seconds after which the call may be made again", schema: count },
  "www-authenticate": { description: "The credentials that are accepted", schema: text },
};

/** What every answer carries. */
export const COMMON_HEADERS = ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] as const;

/** Headers of requests, as the document names them. */
export const REQUEST_HEADERS = {
  RequestId: {
    name: "x-request-id",
    in: "header",
    description: "An id of the caller's own; another one is made where it is of another form",
    schema: { type: "string", pattern: "^[A-Za-z0-9._-]{1,64}$" },
  },
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    description: "The same key and body within 24 hours get the same answer; another body gets 409",
    schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
  },
  IfMatch: {
    name: "If-Match",
    in: "header",
    description: "The ETag that this change rests on; another version now gets 409. * asks for none",
    schema: { type: "string", pattern: '^("\\d+"|\\*)$' },
  },
};

/** A method that a path lacks is no operation that could be documented. */
type DocumentedCode = Exclude<ErrorCode, "METHOD_NOT_ALLOWED">;

const ERRORS = {
  BAD_REQUEST: ["BadRequest", "The request is malformed; details.issues names the fields"],
  UNAUTHORIZED: ["Unauthorized", "There is no credential, or it is not valid"],
  FORBIDDEN: ["Forbidden", "The caller is in the workspace and may not do this"],
  NOT_FOUND: ["NotFound", "It does not exist, or is closed to the caller"],
  CONFLICT: ["Conflict", "It has changed, its name is taken, or its Idempotency-Key was used"],
  PAYLOAD_TOO_LARGE: ["PayloadTooLarge", "The body is too large"],
  UNSUPPORTED_MEDIA_TYPE: ["UnsupportedMediaType", "The body is not application/json"],
  RATE_LIMITED: ["RateLimited", "Too many requests in a minute"],
  INTERNAL_ERROR: ["InternalError", "The server failed; nothing of the cause is told"],
  SERVICE_UNAVAILABLE: ["ServiceUnavailable", "The database cannot serve at the moment"],
} as const satisfies Record<DocumentedCode, readonly [string, string]>;

const EXTRA_HEADERS: Partial<Record<DocumentedCode, string>> = {
  UNAUTHORIZED: "www-authenticate",
  RATE_LIMITED: "retry-after",
  SERVICE_UNAVAILABLE: "retry-after",
};

/** The answers that say what went wrong, all of one shape. */
export const ERROR_RESPONSES = Object.fromEntries(
  (Object.keys(ERRORS) as DocumentedCode[]).map((code) => {
    const headers = [...COMMON_HEADERS, EXTRA_HEADERS[code]].filter((name) => name !== undefined);
    const response = {
      description: ERRORS[code][1],
      headers: Object.fromEntries(headers.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
    };
    return [ERRORS[code][0], response];
  }),
);

/** The errors that a call can meet: their statuses and the names of their responses. */
export function errorStatuses(route: Route, { type, meta }: ProcedureInfo): [number, string][] {
  const codes: DocumentedCode[] = ["BAD_REQUEST", "RATE_LIMITED", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"];
  if (meta.permission !== "public") codes.push("UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND");
  if (type === "mutation") codes.push("CONFLICT");
  if (route.method !== "GET") codes.push("PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE");
  return codes.map((code): [number, string] => [HTTP_STATUS[code], ERRORS[code][0]]).sort(([one], [other]) => one - other);
}
