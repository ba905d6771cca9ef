import { Evaluation, Evaluations } from "./authzen/schemas.ts";
import { AUTHZEN_PREFIX } from "./authzen/serve-authzen.ts";
import { inputJsonSchema, type JsonSchema } from "./json-schema.ts";
import { COMMON_HEADERS } from "./openapi-parts.ts";

const text: JsonSchema = { type: "string" };
const refTo = (kind: string, name: string) => ({ $ref: `#/components/${kind}/${name}` });

const DECISION: JsonSchema = {
  type: "object",
  required: ["decision"],
  properties: {
    decision: { type: "boolean" },
    context: {
      type: "object",
      description: "Why it was denied",
      properties: {
        reason: { ...text, description: "For programs, such as INSUFFICIENT_AGENT_LEVEL" },
        required: { ...text, description: "The level that it takes" },
        actual: { type: ["string", "null"], description: "The level that the subject has" },
        error: {
          type: "object",
          description: "What one of several lacks to be decided upon",
          required: ["status", "message"],
          properties: { status: { type: "integer" }, message: text },
        },
      },
    },
  },
};

const DECISIONS: JsonSchema = {
  type: "object",
  required: ["evaluations"],
  properties: { evaluations: { type: "array", items: refTo("schemas", "AuthzenDecision") } },
};

/** The schemas of the AuthZEN endpoints, as the document names them. */
export const AUTHZEN_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  AuthzenDecision: DECISION,
  AuthzenDecisions: DECISIONS,
  AuthzenEvaluation: inputJsonSchema(Evaluation),
  AuthzenEvaluations: inputJsonSchema(Evaluations),
};

const ERRORS = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  413: "PayloadTooLarge",
  415: "UnsupportedMediaType",
  429: "RateLimited",
  500: "InternalError",
  503: "ServiceUnavailable",
};

/** The paths of the AuthZEN endpoints. They stand beside the REST API and not in it, so each names its server. */
export function toAuthzenPaths(basePath: string): Record<string, Record<string, object>> {
  const toPath = (name: string, summary: string, body: string, answer: object) => ({
    servers: [{ url: `${basePath}${AUTHZEN_PREFIX}`.replace(/\/$/, "") }],
    post: {
      operationId: `authzen.${name}`,
      summary,
      tags: ["authzen"],
      parameters: [refTo("parameters", "RequestId")],
      requestBody: { required: true, content: { "application/json": { schema: refTo("schemas", body) } } },
      responses: {
        200: {
          description: "A denial is an answer, and no error",
          headers: Object.fromEntries(COMMON_HEADERS.map((header) => [header, refTo("headers", header)])),
          content: { "application/json": { schema: answer } },
        },
        ...Object.fromEntries(Object.entries(ERRORS).map(([status, response]) => [status, refTo("responses", response)])),
      },
    },
  });
  const decision = refTo("schemas", "AuthzenDecision");
  return {
    "/evaluation": toPath(
      "evaluation",
      "Decides whether a subject may do something (AuthZEN Authorization API 1.0).",
      "AuthzenEvaluation",
      decision,
    ),
    "/evaluations": toPath(
      "evaluations",
      "Decides several questions at once; without any it decides one (AuthZEN Authorization API 1.0).",
      "AuthzenEvaluations",
      { anyOf: [refTo("schemas", "AuthzenDecisions"), decision] },
    ),
  };
}
