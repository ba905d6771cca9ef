import { AcceptedDelivery } from "../sim-integration/inbox/accept-delivery.ts";
import { PermissionUpdateBody, WorkspaceEventBody } from "../sim-integration/sim-event.ts";
import { inputJsonSchema, type JsonSchema, openObjects } from "./json-schema.ts";
import { COMMON_HEADERS } from "./openapi-parts.ts";
import { WEBHOOKS } from "./serve-webhooks.ts";

const refTo = (kind: string, name: string) => ({ $ref: `#/components/${kind}/${name}` });

/** The schemas of the webhooks, as the document names them. */
export const WEBHOOK_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  AcceptedDelivery: openObjects(inputJsonSchema(AcceptedDelivery)),
  WorkspaceEvent: inputJsonSchema(WorkspaceEventBody),
  PermissionUpdate: inputJsonSchema(PermissionUpdateBody),
};

const BODY_NAMES = { workspace_event: "WorkspaceEvent", permission_update: "PermissionUpdate" } as const;
const SUMMARIES = {
  workspace_event: "Takes what Sim tells of a workspace, signed; it has its effect once, as Sim's tables say then.",
  permission_update: "Takes that a user's permission was changed in Sim, signed; what was remembered of it is dropped.",
} as const;

const ERRORS = {
  400: "BadRequest",
  401: "Unauthorized",
  409: "Conflict",
  413: "PayloadTooLarge",
  415: "UnsupportedMediaType",
  429: "RateLimited",
  500: "InternalError",
  503: "ServiceUnavailable",
};

const header = (name: string, description: string) => ({ name, in: "header", description, schema: { type: "string" } });

/** A signature in one of these is the credential; none of the others counts here. */
const SIGNATURES = [
  header("webhook-id", "Standard Webhooks: names the delivery"),
  header("webhook-timestamp", "Standard Webhooks: seconds since the epoch, at most 300 from now"),
  header("webhook-signature", "Standard Webhooks: v1,<base64 of HMAC-SHA256 over id.timestamp.body>"),
  header("X-Sim-Signature", "In place of these, as Sim signs: t=<unix time>,v1=<hex of HMAC-SHA256 over t.body>"),
];

/** The paths to which Sim sends its webhooks. */
export function toWebhookPaths(): Record<string, Record<string, object>> {
  return Object.fromEntries(
    Object.entries(WEBHOOKS).map(([path, { kind, procedure }]) => [
      path,
      {
        post: {
          operationId: procedure,
          summary: SUMMARIES[kind],
          tags: ["simIntegration.webhooks"],
          security: [],
          parameters: [refTo("parameters", "RequestId"), ...SIGNATURES],
          requestBody: { required: true, content: { "application/json": { schema: refTo("schemas", BODY_NAMES[kind]) } } },
          responses: {
            202: {
              description: "Durably stored; it will have its effect",
              headers: Object.fromEntries(COMMON_HEADERS.map((name) => [name, refTo("headers", name)])),
              content: { "application/json": { schema: refTo("schemas", "AcceptedDelivery") } },
            },
            ...Object.fromEntries(Object.entries(ERRORS).map(([status, response]) => [status, refTo("responses", response)])),
          },
        },
      },
    ]),
  );
}
