export type { PermissionUpdate, WorkspaceEvent, WorkspacePermission } from "./events.ts";
export { createSender, type SenderOptions, type SendOptions, type SentWebhook, send, type WebhookSender } from "./send.ts";
export {
  type SignOptions,
  sign,
  type VerifiedWebhook,
  type VerifyOptions,
  verify,
  type WebhookBody,
  type WebhookHeaders,
  type WebhookRefusal,
  type WebhookScheme,
  WebhookVerificationError,
} from "./signature.ts";
