import { inputJsonSchema, type JsonSchema, openObjects } from "./json-schema.ts";
import { COMMON_HEADERS } from "./openapi-parts.ts";
import { EXCHANGE_PATH, ExchangeBody, GrantedToken } from "./serve-exchange.ts";

const refTo = (kind: string, name: string) => ({ $ref: `#/components/${kind}/${name}` });

/** The schemas of the exchange, as the document names them. */
export const EXCHANGE_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  ExchangeToken: inputJsonSchema(ExchangeBody),
  GrantedToken: openObjects(inputJsonSchema(GrantedToken)),
};

const ERRORS = {
  400: "BadRequest",
  401: "Unauthorized",
  413: "PayloadTooLarge",
  415: "UnsupportedMediaType",
  429: "RateLimited",
  500: "InternalError",
  503: "ServiceUnavailable",
};

/** The path at which one-time tokens are exchanged. */
export function toExchangePaths(): Record<string, Record<string, object>> {
  return {
    [EXCHANGE_PATH]: {
      post: {
        operationId: "auth.exchange",
        summary: "Exchanges a one-time token of Sim's, once, for an access token that stands for its session for five minutes.",
        tags: ["auth"],
        security: [],
        parameters: [refTo("parameters", "RequestId")],
        requestBody: { required: true, content: { "application/json": { schema: refTo("schemas", "ExchangeToken") } } },
        responses: {
          200: {
            description: "The access token, which is kept nowhere and can be had again only for another one-time token",
            headers: Object.fromEntries(COMMON_HEADERS.map((name) => [name, refTo("headers", name)])),
            content: { "application/json": { schema: refTo("schemas", "GrantedToken") } },
          },
          ...Object.fromEntries(Object.entries(ERRORS).map(([status, response]) => [status, refTo("responses", response)])),
        },
      },
    },
  };
}
